def backward(score, label):
    p = score.sigmoid()
    of_one = -2 * (1 - p) * p.log() + (1 - p) ** 2 / p
    of_zero = 2 * p * (1 - p).log() - p**2 / (1 - p)
    dp = -(label * of_one + (1 - label) * of_zero)
    return {"score": dp * p * (1 - p)}
