//! Who is on the list, what each is to get, and what is to become of each.

use crate::harness::{Authority, Postfix, Residents};

/// Recipients who have a mailbox.
const RESIDENTS: usize = 300;
/// Recipients who have none, one after the other in the list: so many that Postfix hangs up in between
/// (`smtpd_hard_error_limit`, 20 errors in a row) on one of the two connections at least.
const STRANGERS: usize = 60;
/// Recipients whose mailbox stays busy, and as many whose mail is refused after it was transferred.
const DIFFICULT: usize = 3;

/// Who gets a copy of each message, for all to see.
pub const COPIES: &str = "copies@example.test";
/// Who gets one that nobody knows of.
pub const HIDDEN: &str = "hidden@example.test";

/// What people are called, in the order in which they come round.
const NAMES: [&str; 20] = [
    "Ada Lovelace",
    "Jörg Müller",
    "Žofie Nováková",
    "Ngô Bảo Châu",
    "李小龙",
    "Владимир Набоков",
    "محمود درويش",
    "עמוס עוז",
    "👩‍🚀 Sally 🚀",
    "e\u{301}le\u{300}ve combinée",
    "Conan O'Brien",
    "Dwayne \"The Rock\" Johnson",
    "Smith, John; Jr.",
    "<b>Bobby</b> & Söhne",
    "=?utf-8?Q?not_encoded?=",
    "two  spaces",
    "=1+1",
    "back\\slash",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch-Llanfairpwllgwyngyllgogerychwyrndrobwll",
];

/// Text that gateways like to damage: dots and `From ` at the start of lines, trailing spaces, a line beyond
/// what SMTP allows, blank lines at the end.
pub fn text_template() -> String {
    let long = "wörter ".repeat(400);
    format!(
        "Hello {{{{.name}}}},\n.\n..two dots\n.one dot\nFrom here on, {{{{.city}}}} 🏔 \n{long}\n\
         {{{{if .vip}}}}You are special.{{{{else}}}}Soon.{{{{end}}}}\n-- \nAda\n\n\n"
    )
}

pub fn html_template() -> String {
    let long = "<i>ü</i>".repeat(300);
    format!(
        "<!doctype html>\n<p title=\"{{{{.name}}}}\">Hello {{{{.name}}}} from {{{{.city}}}}</p>\n.\n\
         <p>{long}</p>\n{{{{if .vip}}}}<b>special</b>{{{{end}}}}\n"
    )
}

/// Somebody on the list.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: usize,
    pub address: String,
    pub name: &'static str,
}

impl Person {
    pub fn city(&self) -> &'static str {
        ["Zürich", "東京", "New York"][self.id % 3]
    }

    fn is_vip(&self) -> bool {
        self.id.is_multiple_of(2)
    }

    fn row(&self) -> String {
        let vip = if self.is_vip() { "yes" } else { "" };
        let name = self.name.replace('"', "\"\"");
        format!(
            "{},\"{name}\",{},{vip},{}\n",
            self.address,
            self.city(),
            self.id
        )
    }

    pub fn text(&self) -> String {
        let ending = if self.is_vip() {
            "You are special."
        } else {
            "Soon."
        };
        let text = text_template()
            .replace("{{.name}}", self.name)
            .replace("{{.city}}", self.city());
        text.replace("{{if .vip}}You are special.{{else}}Soon.{{end}}", ending)
    }

    pub fn html(&self) -> String {
        let special = if self.is_vip() { "<b>special</b>" } else { "" };
        let html = html_template().replace("{{.name}}", &escaped(self.name));
        html.replace("{{.city}}", self.city())
            .replace("{{if .vip}}<b>special</b>{{end}}", special)
    }
}

/// HTML's special characters as Go's html/template writes them.
fn escaped(text: &str) -> String {
    let pairs = [
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\"", "&#34;"),
        ("'", "&#39;"),
        ("+", "&#43;"),
    ];
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Everybody by what is to become of them.
pub struct List {
    pub residents: Vec<Person>,
    pub strangers: Vec<Person>,
    pub busy: Vec<Person>,
    pub refused: Vec<Person>,
}

impl List {
    pub fn new() -> Self {
        let unusual = [
            "o'neill+news@example.test",
            "jörg@example.test",
            "почта@example.test",
            "anna@xn--bcher-kva.test",
            "a-name-as-long-as-they-may-be-a-name-as-long-as-they-may-be.1234@example.test",
        ];
        let plain = (0..RESIDENTS - unusual.len()).map(|i| format!("person{i}@example.test"));
        let mut list = Self {
            residents: people(0, plain.chain(unusual.map(str::to_owned))),
            strangers: people(
                1000,
                (0..STRANGERS).map(|i| format!("stranger{i}@example.test")),
            ),
            busy: people(
                2000,
                (0..DIFFICULT).map(|i| format!("busy{i}@example.test")),
            ),
            refused: people(
                3000,
                (0..DIFFICULT).map(|i| format!("refused{i}@example.test")),
            ),
        };
        // In upper case it is the same mailbox.
        list.residents[1].address = "Person1@Example.TEST".to_owned();
        list
    }

    pub fn in_order(&self) -> impl Iterator<Item = &Person> {
        let (first, rest) = self.residents.split_at(RESIDENTS / 2);
        first
            .iter()
            .chain(&self.busy)
            .chain(&self.strangers)
            .chain(&self.refused)
            .chain(rest)
    }

    pub fn csv(&self) -> String {
        let head = "email,name,city,vip,id\n".to_owned();
        head + &self.in_order().map(Person::row).collect::<String>()
    }

    pub fn failed(&self) -> impl Iterator<Item = &Person> {
        self.strangers.iter().chain(&self.busy).chain(&self.refused)
    }

    pub fn postfix(&self) -> Postfix {
        let addresses = |people: &[Person]| people.iter().map(|p| p.address.clone()).collect();
        let mut residents = Residents {
            mailboxes: addresses(&self.residents),
            busy: addresses(&self.busy),
            refused_after_data: addresses(&self.refused),
        };
        residents
            .mailboxes
            .extend([COPIES.to_owned(), HIDDEN.to_owned()]);
        Postfix::start(&residents, &Authority::new().certificate("DNS:localhost"))
    }
}

fn people(first_id: usize, addresses: impl Iterator<Item = String>) -> Vec<Person> {
    let names = NAMES.iter().cycle();
    let person = |(i, (address, name)): (usize, (String, &&'static str))| Person {
        id: first_id + i,
        address,
        name,
    };
    addresses.zip(names).enumerate().map(person).collect()
}

/// The attached files by name, type and content.
pub fn attachments() -> [(&'static str, &'static str, Vec<u8>); 3] {
    let every_byte: Vec<u8> = (0..4_000u32).map(|i| (i % 256) as u8).collect();
    [
        ("Preise für 2026.pdf", "application/pdf", every_byte),
        ("zahlen.csv", "text/csv", b"a;b\r\n.\n1;2\rno end".to_vec()),
        ("🎉.png", "image/png", Vec::new()),
    ]
}
