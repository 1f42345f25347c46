//! There, numbers cannot be compared, `!field` fails, a byte order mark hides the first column, and `success.csv` is
//! no CSV.

use crate::harness::{Home, Process, Relay, program};

const LIST: &str = "\
email,name,age,tier,vip
a@x.example,Ada,36,pro,yes
b@x.example,Bob,9,free,
c@x.example,Cy,101,pro,
d@x.example,Di,unknown,,yes
";

fn scene() -> (Home, Relay) {
    let (home, relay) = (Home::new(), Relay::start(|_| None));
    home.relay(relay.port());
    home.write("list.csv", LIST);
    (home, relay)
}

/// The first letters of who got it.
fn who(relay: &Relay) -> String {
    let mut recipients = relay.recipients();
    recipients.sort();
    recipients.iter().map(|address| &address[..1]).collect()
}

fn chosen(filter: &str) -> String {
    let (home, relay) = scene();
    home.send(&["-f", "list.csv", "--text", "x", "--filter", filter])
        .expect_code(0);
    who(&relay)
}

#[test]
fn numeric_filters_compare_numbers() {
    assert_eq!(chosen("age > 25"), "ac");
    assert_eq!(chosen("age <= 9.5"), "b");
    assert_eq!(chosen("tier = pro and age >= 37"), "c");
}

#[test]
fn not_a_field_is_who_lacks_it() {
    assert_eq!(chosen("!vip"), "bc");
    assert_eq!(chosen("not vip or age < 10 && tier == \"FREE\""), "bc");
    assert_eq!(
        chosen("vip && (contains(name, \"d\") || endsWith(email, \"nobody\"))"),
        "ad"
    );
}

#[test]
fn a_wrong_filter_and_one_that_nobody_matches_are_errors() {
    let (home, relay) = scene();
    for (filter, words) in [
        ("age >", "invalid filter"),
        ("age > 200", "no recipients matched the filter"),
    ] {
        let finished = home
            .send(&["-f", "list.csv", "--text", "x", "-F", filter])
            .expect_code(1);
        assert!(finished.stderr.contains(words), "{finished}");
    }
    assert_eq!(relay.connections(), 0);
}

#[test]
fn a_byte_order_mark_hides_no_column() {
    let (home, relay) = scene();
    home.write("list.csv", format!("\u{feff}{LIST}"));
    home.send(&["-f", "list.csv", "--text", "x"]).expect_code(0);
    assert_eq!(who(&relay), "abcd");
    let utf16: Vec<u8> = format!("\u{feff}{LIST}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    home.write("list.csv", utf16);
    home.send(&["-f", "list.csv", "--text", "y"]).expect_code(0);
    assert_eq!(who(&relay), "aabbccdd");
}

#[test]
fn bad_rows_are_named_and_duplicates_get_one() {
    let (home, relay) = scene();
    home.write(
        "list.csv",
        format!("{LIST}no address,x,,,\nA@X.example,again,1,,\nshort@x.example\n,,,,\n"),
    );
    let finished = home
        .send(&["-f", "list.csv", "-s", "Hi {{.name}}", "--text", "x"])
        .expect_code(0);
    assert_eq!(who(&relay), "abcd");
    let account = std::fs::read_to_string(home.path().join("success.csv")).unwrap();
    assert!(
        account.contains("a@x.example,Hi Ada,OK"),
        "the first row counts: {account}"
    );
    for line in ["6", "8"] {
        assert!(
            finished.stderr.contains(&format!("line={line}")),
            "{line} in {finished}"
        );
    }
    assert!(
        finished.stderr.contains("4 recipients loaded"),
        "{finished}"
    );
    assert!(
        finished.stderr.contains("1 duplicates removed"),
        "{finished}"
    );
}

#[test]
fn the_account_is_csv_that_no_spreadsheet_runs() {
    let (home, relay) = scene();
    home.send(&[
        "-f",
        "list.csv",
        "-s",
        "=HYPERLINK(\"x\"), {{.name}}",
        "--text",
        "x",
    ])
    .expect_code(0);
    assert_eq!(relay.taken().len(), 4);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(home.path().join("success.csv"))
        .unwrap();
    let mut rows: Vec<Vec<String>> = rows
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    rows.sort();
    assert_eq!(rows[0], ["a@x.example", "'=HYPERLINK(\"x\"), Ada", "OK"]);
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_spreadsheet_is_read_like_a_csv() {
    const MAKE: &str = r#"
import sys, zipfile
rows = [["Email", "Name", "Age"], ["a@x.example", "Ada", 36], ["b@x.example", "Bob", 9]]
def cell(value):
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
sheet = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
pack = "http://schemas.openxmlformats.org/package/2006"
book = "application/vnd.openxmlformats-officedocument.spreadsheetml"
files = {
    "[Content_Types].xml": f'<Types xmlns="{pack}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{book}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{book}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{pack}/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{pack}/relationships"><Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
}
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name, text in files.items():
        archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
"#;
    let (home, relay) = scene();
    let mut command = program("python3");
    command
        .args(["-c", MAKE, "list.xlsx"])
        .current_dir(home.path());
    Process::start("python3", &mut command)
        .wait()
        .expect_code(0);
    let args = [
        "-f",
        "list.xlsx",
        "-s",
        "Hi {{.name}}, {{.age}}",
        "--text",
        "x",
        "-F",
        "age > 10",
    ];
    home.send(&args).expect_code(0);
    assert_eq!(who(&relay), "a");
    let letter = String::from_utf8(relay.taken()[0].raw.clone()).unwrap();
    assert!(letter.contains("Subject: Hi Ada, 36\r\n"), "{letter}");
}

#[test]
fn a_list_that_cannot_be_read_ends_the_run() {
    let (home, relay) = scene();
    std::fs::create_dir(home.path().join("folder.csv")).unwrap();
    home.send(&["-f", "folder.csv", "--text", "x"])
        .expect_code(1);
    home.write("list.csv", "name\nAda\n");
    let finished = home.send(&["-f", "list.csv", "--text", "x"]).expect_code(1);
    assert!(finished.stderr.contains("email"), "{finished}");
    assert_eq!(relay.connections(), 0);
}
