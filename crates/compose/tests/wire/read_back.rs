//! Has Python read messages back and say what differs from what was meant.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::case::{Case, Composed};

/// Has Python read the messages back; panics with what differs.
pub fn assert_read_back(messages: &[Composed]) {
    if let Err(findings) = read_back(messages) {
        panic!("{findings}");
    }
}

/// Writes the messages to a folder and runs `read_back.py` on it.
fn read_back(messages: &[Composed]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for (index, message) in messages.iter().enumerate() {
        let path = folder.path().join(format!("{index:05}"));
        fs::write(path.with_extension("eml"), &message.wire).unwrap();
        fs::write(path.with_extension("json"), message.meant.to_string()).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/read_back.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(folder.path())
        .output()
        .expect("this test needs python3");
    let findings = String::from_utf8_lossy(&output.stdout);
    let complete = findings.ends_with(&format!("compared {}\n", messages.len()));
    match output.status.success() && complete {
        true => Ok(()),
        false => Err(format!(
            "{findings}{}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

#[test]
fn the_reader_notices_each_kind_of_difference() {
    let changes: [fn(&mut Composed); 4] = [
        |message| message.meant["Subject"] = "Other".into(),
        |message| message.meant["bodies"][0] = "Other".into(),
        |message| message.wire.splice(0..0, *b"X-Evil: 1\r\n").for_each(drop),
        |message| message.wire.extend_from_slice(b".\n"),
    ];
    for change in changes {
        let mut message = Case::default().compose().unwrap();
        change(&mut message);
        assert!(read_back(&[message]).is_err());
    }
}
