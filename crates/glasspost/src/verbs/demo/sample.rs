//! The sample campaign: its list, its template, its configuration, and what goes wrong on the way.

use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

/// What happens to the sample's mail, as in real life: see `glasspost sink --help`.
pub const RULES: &str = "\
1.8%: refuse 550 5.1.1 \"no such user here\"
0.3%: refuse 550 5.2.1 \"this mailbox is disabled\"
0.4%: defer 452 4.2.2 \"the mailbox is full\"
4%: defer 451 4.7.1 \"greylisted, try again in a moment\" times 1
0.3% *@yahoo.com: refuse-after-data 554 5.7.9 \"the content was not liked\"
0.3%: refuse-after-data 554 5.7.1 \"this looks like spam to us\"
*@slow-farm.example: stall 60ms at end
";

const TEMPLATE: &str = include_str!("newsletter.html");

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Emil", "Noor", "Jonas", "Zoë", "Mateo", "Ines", "Kofi", "Mila", "Tomás", "Aiko",
    "Lars", "Priya", "Sami", "Greta", "Hugo",
];
const LAST_NAMES: [&str; 12] = [
    "Lovelace",
    "Nkemelu",
    "Sørensen",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Ferrari",
    "Novak",
    "Haddad",
    "Byrne",
    "Castro",
];
const CITIES: [&str; 8] = [
    "Lisbon", "Turku", "Ghent", "Krakow", "Leipzig", "Nantes", "Bergen", "Trieste",
];
/// Domains by how many of a hundred recipients have them. The mail reaches the demo's own sink alone.
const DOMAINS: [(&str, u32); 11] = [
    ("gmail.com", 38),
    ("outlook.com", 11),
    ("hotmail.com", 8),
    ("yahoo.com", 9),
    ("icloud.com", 8),
    ("gmx.de", 4),
    ("web.de", 3),
    ("proton.me", 3),
    ("brass-and-reed.example", 7),
    ("harbour-library.example", 6),
    ("slow-farm.example", 3),
];

/// The files of the sample.
pub struct Sample {
    /// The folder of them all.
    pub folder: PathBuf,
    /// The list.
    pub list: PathBuf,
    /// The template.
    pub template: PathBuf,
    /// The configuration.
    pub config: PathBuf,
    /// The data folder.
    pub data: PathBuf,
}

impl Sample {
    /// Writes the files, for a relay at this address.
    pub fn write(folder: &Path, recipients: u32, relay: SocketAddr) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let sample = Self {
            folder: folder.to_owned(),
            list: folder.join("recipients.csv"),
            template: folder.join("newsletter.html"),
            config: folder.join("config.json"),
            data: folder.join("data"),
        };
        std::fs::write(&sample.template, TEMPLATE)?;
        std::fs::write(folder.join("sink-rules.txt"), RULES)?;
        std::fs::write(&sample.config, config(relay))?;
        let mut list = BufWriter::new(std::fs::File::create(&sample.list)?);
        write_list(&mut list, recipients)?;
        list.flush()?;
        Ok(sample)
    }
}

fn config(relay: SocketAddr) -> String {
    let config = json!({
        "smtp": {
            "host": relay.ip().to_string(),
            "port": relay.port(),
            "from": "The Glasshouse <letter@glasshouse.example>",
        },
    });
    format!("{config:#}\n")
}

fn write_list(out: &mut impl Write, recipients: u32) -> io::Result<()> {
    writeln!(out, "email,first_name,last_name,city,plan")?;
    for number in 0..recipients {
        let first = pick(&FIRST_NAMES, number, 1);
        let last = pick(&LAST_NAMES, number, 16);
        let city = pick(&CITIES, number, 5);
        let plan = if number % 9 == 4 { "patron" } else { "member" };
        let domain = domain(number);
        let local = local_part(first, last);
        writeln!(out, "{local}{number}@{domain},{first},{last},{city},{plan}")?;
    }
    Ok(())
}

/// One of some names, each as often as the others.
fn pick<'a>(names: &[&'a str], number: u32, stride: u32) -> &'a str {
    names[(number / stride) as usize % names.len()]
}

/// The domain of a recipient: neighbours in the list differ, every hundred have the same shares.
fn domain(number: u32) -> &'static str {
    // 37 has no divisor in common with 100, so each of the hundred places is met once.
    let mut place = number * 37 % 100;
    for (domain, share) in DOMAINS {
        match place.checked_sub(share) {
            None => return domain,
            Some(left) => place = left,
        }
    }
    DOMAINS[0].0
}

/// A name in the letters that addresses have.
fn local_part(first: &str, last: &str) -> String {
    let plain = |c: char| match c {
        'ë' => 'e',
        'á' => 'a',
        'ø' => 'o',
        c => c.to_ascii_lowercase(),
    };
    format!("{first}.{last}.").chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sink::rule_text;

    #[test]
    fn every_hundred_recipients_have_the_same_shares_of_domains() {
        assert_eq!(DOMAINS.iter().map(|(_, share)| share).sum::<u32>(), 100);
        let mut counts = BTreeMap::new();
        for number in 100..200 {
            *counts.entry(domain(number)).or_insert(0) += 1;
        }
        assert_eq!(counts, DOMAINS.into_iter().collect());
    }

    #[test]
    fn the_list_is_of_valid_addresses_each_once() {
        let mut list = Vec::new();
        write_list(&mut list, 2_000).unwrap();
        let list = String::from_utf8(list).unwrap();
        let addresses: std::collections::BTreeSet<_> = list
            .lines()
            .skip(1)
            .map(|line| {
                model::Address::parse(line.split(',').next().unwrap())
                    .unwrap()
                    .key()
            })
            .collect();
        assert_eq!(addresses.len(), 2_000);
    }

    #[test]
    fn the_rules_can_be_read() {
        assert_eq!(rule_text::parse_file(RULES).unwrap().len(), 7);
    }
}
