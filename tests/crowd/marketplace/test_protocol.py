def test_a_new_account_has_its_deposit(mturk):
    balance = mturk.get_account_balance()
    assert (balance["AvailableBalance"], balance["OnHoldBalance"]) == ("100.00", "0.00")


def test_a(mturk, make_hit):
    hit = make_hit()
    print(hit)
    print(mturk.list_hits())
    print(mturk.get_account_balance())
