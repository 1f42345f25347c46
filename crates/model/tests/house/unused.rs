//! A room declares only the dependencies that it uses.

use std::fs;
use std::path::{Path, PathBuf};

use super::assert_none;
use super::rooms::{Dependency, rooms};

/// Crates whose name in code is not their package's, with `_` for `-`.
const OTHER_NAMES: [(&str, &str); 1] = [("md-5", "md5")];

/// All code under `path`, a folder or a file, in one text, with the files that it takes from elsewhere.
fn code(path: &PathBuf) -> String {
    if path.is_file() {
        let text = fs::read_to_string(path).unwrap_or_default();
        let shared: String = shared_files(path, &text).iter().map(code).collect();
        return text + &shared;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| code(&entry.path())).collect()
}

/// The files outside of a file's own folder that it names by `#[path]`.
fn shared_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"))
        .filter(|name| name.starts_with("../"))
        .map(|name| folder.join(name))
        .collect()
}

/// The name that code knows a dependency by.
fn name_in_code(dependency: &Dependency) -> String {
    let other = OTHER_NAMES
        .iter()
        .find(|(package, _)| *package == dependency.name);
    other.map_or_else(
        || dependency.name.replace('-', "_"),
        |(_, name)| (*name).to_owned(),
    )
}

fn is_used(name: &str, code: &str) -> bool {
    code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"))
}

#[test]
fn a_room_declares_only_what_it_uses() {
    let mut complaints = Vec::new();
    for room in rooms() {
        let own: String = room.code.iter().map(code).collect();
        let with_tests: String = room
            .test_code
            .iter()
            .map(code)
            .chain([own.clone()])
            .collect();
        for dependency in &room.dependencies {
            let code = if dependency.is_for_tests {
                &with_tests
            } else {
                &own
            };
            if !is_used(&name_in_code(dependency), code) {
                let (room, name) = (&room.name, &dependency.name);
                complaints.push(format!(
                    "{room} declares {name} and does not use it: remove it"
                ));
            }
        }
    }
    assert_none(complaints);
}
