from autograd_by_hand.storage.attribution import bits_missed


def ends(**identical):
    return [
        {"end": end, "gradient": name, "elements": 6, "identical": count}
        for end, counts in identical.items()
        for name, count in zip(("dx", "dW"), counts, strict=True)
    ]


def test_a_replay_that_meets_every_bit_has_no_reason():
    assert bits_missed(ends(numpy=(6, 6), torch=(6, 6)), ["qr"]) is None


def test_what_is_missed_is_told_with_what_torch_executed_again():
    assert bits_missed(ends(numpy=(6, 6), torch=(6, 5)), []) == (
        "a replay with the sums of torch misses bits of dW"
    )
    assert bits_missed(ends(numpy=(5, 6), torch=(6, 5)), ["linalg_qr", "triu"]) == (
        "a replay with the sums of numpy, torch misses bits of dx, dW; it executes linalg_qr, triu "
        "again in torch, where other bits may come of it"
    )
