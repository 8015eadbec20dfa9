//! Who is let in when the front door is full, and which connection gives way.
//!
//! Whoever connects costs a place before anything is known of them, so silence must not be worth anything: a newcomer
//! always gets the place of whoever has waited longest without asking for something. Two things make that fair. Some
//! places are kept for connections on which somebody has signed, so that strangers cannot shut out who is known. And
//! among strangers the source with the most connections gives way first, so that one noisy source meets itself.
//!
//! A connection whose request is being worked on never gives way.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many connections there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Together.
    pub all: usize,
    /// Of these, how many are kept for connections on which somebody has signed.
    pub kept_for_known: usize,
}

impl Places {
    /// The places of a process that may have so many file descriptors, of which `reserved` are for its other work: the
    /// journal, registries, shims. At most `most`; where descriptors are scarce a quarter of them is for connections.
    pub fn within(descriptors: u64, reserved: u64, most: usize) -> Self {
        let left = descriptors.saturating_sub(reserved).max(descriptors / 4).max(2);
        let all = usize::try_from(left).unwrap_or(most).min(most);
        Self { all, kept_for_known: all / 4 }
    }
}

/// Whether somebody has signed on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has.
    Stranger,
    /// A request on it had a good signature.
    Known,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It has no complete request, since this moment: its begin, or the end of its last answer. In milliseconds of any
    /// clock.
    Waiting(u64),
    /// Its request is being worked on.
    Working,
}

/// An open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its number.
    pub id: u64,
    /// Where it comes from.
    pub source: IpAddr,
    /// Whether somebody has signed on it.
    pub standing: Standing,
    /// What it is doing.
    pub doing: Doing,
    /// How many bytes of its request are in memory.
    pub held_bytes: usize,
}

impl Guest {
    fn waiting_since(&self) -> Option<u64> {
        match self.doing {
            Doing::Waiting(since) => Some(since),
            Doing::Working => None,
        }
    }
}

/// What happens to a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There is a place.
    Enter,
    /// This connection gives way.
    InsteadOf(u64),
    /// Everybody is being served; the newcomer waits until one of them has got its answer.
    Wait,
}

/// Decides about a newcomer, who is a stranger.
pub fn admit<'a>(guests: &(impl Iterator<Item = &'a Guest> + Clone), places: Places) -> Admission {
    let strangers = guests.clone().filter(|guest| guest.standing == Standing::Stranger).count();
    let have_room = strangers < places.all - places.kept_for_known;
    if have_room && guests.clone().count() < places.all {
        return Admission::Enter;
    }
    let known = || if have_room { longest_waiting(guests.clone(), Standing::Known) } else { None };
    stranger_who_gives_way(guests.clone()).or_else(known).map_or(Admission::Wait, Admission::InsteadOf)
}

/// The connection that is closed to get memory or a file descriptor back: a stranger's if there is one that waits.
pub fn gives_way<'a>(guests: impl Iterator<Item = &'a Guest> + Clone) -> Option<u64> {
    stranger_who_gives_way(guests.clone()).or_else(|| longest_waiting(guests, Standing::Known))
}

/// The same for memory that request bodies hold: only those that hold some can give it back.
pub fn gives_memory<'a>(guests: impl Iterator<Item = &'a Guest> + Clone, but: u64) -> Option<u64> {
    gives_way(guests.filter(move |guest| guest.held_bytes > 0 && guest.id != but))
}

/// Of the source with the most strangers' connections that wait, the one that has waited longest.
fn stranger_who_gives_way<'a>(guests: impl Iterator<Item = &'a Guest> + Clone) -> Option<u64> {
    let waiting = guests.filter(|guest| guest.standing == Standing::Stranger && guest.doing != Doing::Working);
    let mut of_source = BTreeMap::<u128, usize>::new();
    for guest in waiting.clone() {
        *of_source.entry(source(guest.source)).or_default() += 1;
    }
    let most = of_source.values().copied().max()?;
    longest_waiting(waiting.filter(|guest| of_source.get(&source(guest.source)) == Some(&most)), Standing::Stranger)
}

fn longest_waiting<'a>(guests: impl Iterator<Item = &'a Guest>, standing: Standing) -> Option<u64> {
    let waiting = guests.filter(|guest| guest.standing == standing);
    waiting.filter_map(|guest| Some((guest.waiting_since()?, guest.id))).min().map(|(_, id)| id)
}

/// What counts as one source: an address of IPv4, the 64 bits of a network of IPv6, which one host has to itself.
fn source(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places = Places { all: 4, kept_for_known: 1 };

    /// `s1@5` a stranger from source 1 that waits since 5, `k` somebody known, `s1!` one that is being served.
    fn guests(text: &str) -> Vec<Guest> {
        let guest = |(id, word): (u64, &str)| {
            let (who, since) = word.split_once('@').unwrap_or((word.trim_end_matches('!'), ""));
            let doing = since.parse().map_or(Doing::Working, Doing::Waiting);
            let standing = if who.starts_with('k') { Standing::Known } else { Standing::Stranger };
            let source = format!("10.0.0.{}", &who[1..]).parse().expect("an address");
            Guest { id, source, standing, doing, held_bytes: 0 }
        };
        (0..).zip(text.split_whitespace()).map(guest).collect()
    }

    #[test]
    fn a_newcomer_gets_the_place_of_who_has_waited_longest() {
        use Admission::{Enter, InsteadOf, Wait};
        for (there, admission) in [
            ("", Enter),
            ("s1@1 s1@2", Enter),
            // Three places are for strangers, the fourth is kept.
            ("s1@3 s1@1 s1@2", InsteadOf(1)),
            ("s1@3 s1! s1@2", InsteadOf(2)),
            ("s1! s1! s1!", Wait),
            // Known ones have their place beside them, and more while strangers leave some.
            ("k1@1 s1@2 s1@3", Enter),
            ("k1@1 s1@2 s1@3 s1@4", InsteadOf(1)),
            ("k1@1 k1@2 k1@3 s1@4", InsteadOf(3)),
            ("k1@3 k1@1 k1! s1!", InsteadOf(1)),
            ("k1! k1! k1! k1!", Wait),
            // Strangers who are all served do not cost a known one its place.
            ("k1@1 s1! s1! s1!", Wait),
            // The source with the most meets itself, however long another one waits.
            ("s2@1 s1@2 s1@3", InsteadOf(1)),
            ("s1@3 s2@2 s3@1", InsteadOf(2)),
        ] {
            assert_eq!(admit(&guests(there).iter(), PLACES), admission, "{there}");
        }
    }

    #[test]
    fn memory_is_given_back_by_who_holds_some_and_waits() {
        let mut all = guests("s1@1 s1@2 s1@3 k1@0 s1!");
        assert_eq!(gives_memory(all.iter(), 9), None);
        for (id, given_by) in [(4, None), (3, Some(3)), (2, Some(2)), (1, Some(1))] {
            all[id].held_bytes = 1;
            assert_eq!(gives_memory(all.iter(), 9), given_by, "{id}");
        }
        assert_eq!(gives_memory(all.iter(), 1), Some(2));
        assert_eq!(gives_way(all.iter()), Some(0));
    }

    #[test]
    fn one_host_is_one_source() {
        let of = |text: &str| source(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn descriptors_are_left_for_everything_else() {
        for (descriptors, all, kept_for_known) in
            [(1 << 20, 1024, 256), (1536, 1024, 256), (1024, 512, 128), (256, 64, 16), (4, 2, 0)]
        {
            assert_eq!(Places::within(descriptors, 512, 1024), Places { all, kept_for_known }, "{descriptors}");
        }
    }
}
