use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Accounts, and the clock that they go by.
fn accounts() -> (Accounts, Rc<Cell<Timestamp>>) {
    let clock = Rc::new(Cell::new(NOW));
    let time = Rc::clone(&clock);
    (Accounts::new(move || time.get()), clock)
}

fn pass(clock: &Cell<Timestamp>, millis: u64) {
    clock.set(clock.get().saturating_add(Duration::from_millis(millis)));
}

/// How many blocks of a request can be inflated before its caller cannot pay.
fn blocks(account: &Rc<Account>) -> usize {
    let mut work = Work::charged_to(Rc::clone(account));
    (0..1_000_000).take_while(|_| work.spend(Piece::Block, 1).is_ok()).count()
}

#[test]
fn a_message_has_no_more_fields_than_its_size_allows() {
    let last = |size_of_field: u64| {
        let mut work = Work::default();
        (0..1_000_000u64).find(|index| work.field(index * size_of_field).is_err())
    };
    // The index of the field that is refused.
    assert_eq!(last(2), Some(18_724));
    assert_eq!(last(15), Some(262_129));
    assert_eq!(last(16), None);
    assert_eq!(Work::default().field(u64::MAX), Ok(()));
}

#[test]
fn embedded_messages_share_the_allowance_of_the_message_around_them() {
    let mut work = Work::default();
    let mut fields = 0;
    // Each value begins where the one before it ended.
    let refused = (0..1000u64).find(|value| {
        let around = work.enter(value * 2000);
        let read = (0..1000u64).try_for_each(|index| {
            fields += 1;
            work.field(index * 2)
        });
        work.leave(around);
        read.is_err()
    });
    assert_eq!((refused, fields), (Some(18), 18_725));
}

#[test]
fn ordinary_requests_are_free() {
    let (mut accounts, _) = accounts();
    let account = accounts.of(None, "worker");
    for _ in 0..100_000 {
        let mut work = Work::charged_to(Rc::clone(&account));
        work.arrived(500);
        assert_eq!(work.spend(Piece::Block, 2).and_then(|()| work.spend(Piece::Byte, 2_000)), Ok(()));
        assert_eq!((0..200).try_for_each(|index| work.field(index * 8)), Ok(()));
    }
    assert!(blocks(&account) > 6_000, "nothing was charged");
}

#[test]
fn a_caller_gets_a_tenth_of_the_thread_whatever_the_number_of_requests() {
    let (mut accounts, clock) = accounts();
    let account = accounts.of(None, "attacker");
    // In microseconds, without what is free for each request.
    let spend = |account| (blocks(account) * 8).saturating_sub(30);
    let mut spent = spend(&account);
    assert!((49_900..50_200).contains(&spent), "{spent} µs at once");
    for _ in 0..10_000 {
        pass(&clock, 1);
        spent += spend(&account);
    }
    assert!((1_000_000..1_100_000).contains(&spent), "{spent} µs in ten seconds");
    // Another caller has a full account.
    let other = accounts.of(None, "other");
    assert!(spend(&other) >= 49_900);
    assert!(spend(&accounts.of(None, "attacker")) < 200, "the same account");
}

#[test]
fn all_callers_together_get_four_tenths() {
    let (mut accounts, clock) = accounts();
    let many: Vec<_> = (0..100).map(|index| accounts.of(None, &index.to_string())).collect();
    let spend_all = || many.iter().map(|account| (blocks(account) * 8).saturating_sub(30)).sum::<usize>();
    let mut spent = spend_all();
    for _ in 0..1_000 {
        pass(&clock, 10);
        spent += spend_all();
    }
    assert!((4_200_000..4_700_000).contains(&spent), "{spent} µs in ten seconds");
}

#[test]
fn only_a_full_account_is_overdrawn_by_much() {
    let (mut accounts, clock) = accounts();
    let account = accounts.of(None, "alice");
    let pay = |millis| account.pay(Duration::from_millis(millis));
    assert_eq!(pay(251), Err(TooMuchWork::Never));
    assert!(pay(49).is_ok() && pay(5).is_ok());
    assert_eq!(pay(1), Err(TooMuchWork::Unpaid));
    pass(&clock, 400);
    assert_eq!(pay(60), Err(TooMuchWork::Unpaid), "more than there is");
    pass(&clock, 1_000);
    assert!(pay(250).is_ok(), "the account was full");
    pass(&clock, 2_000);
    assert_eq!(pay(1), Err(TooMuchWork::Unpaid), "it has to earn what it owes");
    pass(&clock, 10);
    assert!(pay(1).is_ok());
}

#[test]
fn a_large_payment_leaves_what_all_callers_have_at_zero_or_more() {
    let (mut accounts, clock) = accounts();
    let pay = |account: &Rc<Account>, millis| account.pay(Duration::from_millis(millis));
    let [one, two, three] = ["one", "two", "three"].map(|name| accounts.of(None, name));
    assert!(pay(&one, 250).is_ok());
    assert_eq!(pay(&two, 250), Err(TooMuchWork::AllUnpaid));
    assert!(pay(&three, 1).is_ok(), "the others still have something");
    pass(&clock, 1_000);
    assert!(pay(&two, 250).is_ok());
}

#[test]
fn an_issuer_and_a_peer_with_the_same_name_have_accounts_of_their_own() {
    let (mut accounts, _) = accounts();
    let (corp, other): (Rc<str>, Rc<str>) = ("corp".into(), "other".into());
    let of_corp = accounts.of(Some(&corp), "alice");
    assert!(Rc::ptr_eq(&of_corp, &accounts.of(Some(&corp), "alice")));
    assert!(!Rc::ptr_eq(&of_corp, &accounts.of(Some(&other), "alice")));
    assert!(!Rc::ptr_eq(&of_corp, &accounts.of(None, "alice")));
}

#[test]
fn the_number_of_accounts_is_bounded() {
    let (mut accounts, clock) = accounts();
    let kept: Vec<_> = (0..5000).map(|index| accounts.of(None, &index.to_string())).collect();
    assert!(Rc::ptr_eq(&kept[4998], &kept[4999]), "all others share an account");
    assert!(!Rc::ptr_eq(&kept[0], &kept[1]));
    drop(kept);
    // Whoever has spent does not get a new account by being forgotten.
    let poor = accounts.of(None, "7");
    blocks(&poor);
    drop(poor);
    let new = accounts.of(None, "new");
    assert!(!Rc::ptr_eq(&new, &accounts.of(None, "newer")), "unused accounts made room");
    assert!(blocks(&accounts.of(None, "7")) < 50);
    pass(&clock, 10_000);
    assert!(blocks(&accounts.of(None, "7")) > 6_000);
}

#[test]
fn memory_is_bounded_for_each_caller_and_in_total() {
    let (mut accounts, _) = accounts();
    let reserve = |account: &Rc<Account>| {
        let mut all = Vec::new();
        while let Some(reservation) = account.reserve(1 << 20) {
            all.push(reservation);
        }
        all
    };
    let greedy = accounts.of(None, "greedy");
    let mut held = reserve(&greedy);
    assert_eq!(held.len(), 8);
    assert_eq!((greedy.missing_share(1), greedy.missing_room(1)), (1, 1));
    held.pop();
    assert!(greedy.reserve(1 << 20).is_some(), "dropped reservations are given back");
    for index in 0..20 {
        held.extend(reserve(&accounts.of(None, &index.to_string())));
    }
    assert_eq!(held.len(), 64);
    let late = accounts.of(None, "late");
    assert_eq!((late.missing_share(1), late.missing_room(1)), (0, 1));
    held.clear();
    assert_eq!(late.missing_room(1), 0);
}
