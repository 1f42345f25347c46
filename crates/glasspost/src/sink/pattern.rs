//! Whom a rule is for: a pattern of the address, a share of all addresses, or both.

/// A hundred percent, in parts of a million.
const WHOLE: u32 = 1_000_000;

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// How many of all, in parts of a million.
    share: u32,
    pattern: Pattern,
}

/// An address or a domain, with `*` for anything; lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Anybody,
    Address(String),
    Domain(String),
}

impl Who {
    /// Reads `*@slow.example`, `slow.example`, `1%` or `5% *@gmail.com`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let first = words.next().ok_or("says not whom it is for")?;
        let (share, pattern) = match first.strip_suffix('%') {
            Some(number) => (parse_share(number)?, words.next().unwrap_or("*")),
            None => (WHOLE, first),
        };
        match words.next() {
            Some(extra) => Err(format!("{extra:?} is one word too many before the colon")),
            None => Ok(Self {
                share,
                pattern: Pattern::of(pattern),
            }),
        }
    }

    /// Whether it asks for nothing of the address but luck.
    pub fn is_anybody(&self) -> bool {
        self.pattern == Pattern::Anybody
    }

    /// Whether an address, in lower case, is meant. `seed` keeps the shares of different rules apart.
    pub fn means(&self, address: &str, seed: u64) -> bool {
        self.is_lucky(address.as_bytes(), seed) && self.pattern.matches(address)
    }

    /// Whether a key is within the share: the same in every run.
    pub fn is_lucky(&self, key: &[u8], seed: u64) -> bool {
        self.share == WHOLE || hash(key, seed) % u64::from(WHOLE) < u64::from(self.share)
    }
}

fn parse_share(number: &str) -> Result<u32, String> {
    let percent: f64 = number
        .parse()
        .map_err(|_| format!("{number}% is not a share such as 1% or 0.5%"))?;
    match (0.0..=100.0).contains(&percent) {
        true => Ok((percent * f64::from(WHOLE) / 100.0).round() as u32),
        false => Err(format!("{number}% is not between 0% and 100%")),
    }
}

impl Pattern {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        match text.as_str() {
            "*" | "*@*" => Self::Anybody,
            _ if text.contains('@') => Self::Address(text),
            _ => Self::Domain(text),
        }
    }

    fn matches(&self, address: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Address(pattern) => glob(pattern.as_bytes(), address.as_bytes()),
            Self::Domain(pattern) => {
                let domain = address.rsplit('@').next().unwrap_or_default();
                glob(pattern.as_bytes(), domain.as_bytes())
            }
        }
    }
}

/// Whether a text is what a pattern with `*` says. Linear but for the way back to the last star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            (p, t) = (at + 1, from + 1);
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// FNV-1a, then SplitMix64's finish so that all bits take part in the remainder.
fn hash(key: &[u8], seed: u64) -> u64 {
    let mut hash = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xcbf2_9ce4_8422_2325;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(who: &str, address: &str) -> bool {
        Who::parse(who).unwrap().means(address, 0)
    }

    #[test]
    fn patterns_are_of_the_address_or_of_its_domain() {
        let cases = [
            ("*", "a@x.org", true),
            ("*@slow.example", "a@slow.example", true),
            ("*@slow.example", "a@fast.example", false),
            ("slow.example", "a@slow.example", true),
            ("*.example", "a@slow.example", true),
            ("Nobody@*", "nobody@x.org", true),
            ("nobody@*", "somebody@x.org", false),
            ("a*b*@x.*g", "aXbYb@x.org", true),
            ("a*b@x.org", "acb@x.orgy", false),
            ("0%", "a@x.org", false),
            ("100%", "a@x.org", true),
            ("100% nobody@*", "a@x.org", false),
        ];
        for (who, address, expected) in cases {
            assert_eq!(means(who, address), expected, "{who} {address}");
        }
    }

    #[test]
    fn a_share_hits_the_same_addresses_in_every_run_and_about_as_many_as_it_says() {
        let who = Who::parse("2%").unwrap();
        let hit = |seed| -> Vec<u32> {
            let lucky = |n: &u32| who.means(&format!("r{n}@example.org"), seed);
            (0..100_000).filter(lucky).collect()
        };
        let first = hit(1);
        assert_eq!(first, hit(1));
        assert!((1_800..2_200).contains(&first.len()), "{}", first.len());
        let both = hit(2).iter().filter(|n| first.contains(n)).count();
        assert!(
            both < 100,
            "the shares of two rules are not independent: {both}"
        );
    }

    #[test]
    fn what_is_no_share_is_said() {
        assert!(Who::parse("").is_err());
        assert_eq!(
            Who::parse("x%").unwrap_err(),
            "x% is not a share such as 1% or 0.5%"
        );
        assert_eq!(
            Who::parse("101%").unwrap_err(),
            "101% is not between 0% and 100%"
        );
        assert!(Who::parse("1% a@x.org b").is_err());
    }
}
