from autograd_by_hand.report.legend import Entry, legend


def test_an_entry_begins_where_the_words_before_it_end():
    told = legend(["a", "b"], {"b": "long", "a": "no"}, left=16, room=30, letter=5.5)
    assert told.entries == [Entry(16, "a", "no"), Entry(57.0, "b", "long")]
    assert told.end == 109.0


def test_an_empty_legend_ends_where_it_begins():
    assert legend([], {}, 16, 30, 5.5).end == 16
