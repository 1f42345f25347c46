//! Habits of the house that neither the compiler nor its lints hold.

use std::fs;
use std::path::Path;

use super::{assert_none, root};

/// Longest Rust file in lines. Most are far shorter; one that comes near wants to be several.
const RUST_LINES_MAX: usize = 700;
/// Folders that hold nothing written by hand.
const SKIPPED_FOLDERS: [&str; 7] = [
    "target",
    "out",
    "dist",
    "node_modules",
    "golden",
    "corpus",
    "lists",
];
/// Names under which anything could stand.
const VAGUE_NAMES: [&str; 5] = ["utils.rs", "util.rs", "helpers.rs", "misc.rs", "common.rs"];

/// A text that no file may hold. It is written in two halves, so that this file holds none.
struct Banned {
    halves: (&'static str, &'static str),
    /// Ends of the names of files that it is looked for in; none is all.
    endings: &'static [&'static str],
    because: &'static str,
}

const BANNED: [Banned; 15] = [
    Banned {
        halves: ("inner", "HTML"),
        endings: PAGES,
        because: MARKUP,
    },
    Banned {
        halves: ("outer", "HTML"),
        endings: PAGES,
        because: MARKUP,
    },
    Banned {
        halves: ("insertAdjacent", "HTML"),
        endings: PAGES,
        because: MARKUP,
    },
    Banned {
        halves: ("dangerouslySet", "InnerHTML"),
        endings: PAGES,
        because: MARKUP,
    },
    Banned {
        halves: ("todo", "!("),
        endings: &["rs"],
        because: "build it or leave it out",
    },
    Banned {
        halves: ("unimplemented", "!("),
        endings: &["rs"],
        because: "build it or leave it out",
    },
    Banned {
        halves: ("TO", "DO"),
        endings: &["rs", "sh", "py"],
        because: "what we knowingly lack stands in docs",
    },
    Banned {
        halves: ("FIX", "ME"),
        endings: &["rs", "sh", "py"],
        because: "what we knowingly lack stands in docs",
    },
    Banned {
        halves: ("#[ig", "nore"),
        endings: &["rs"],
        because: "a test that does not run proves nothing",
    },
    Banned {
        halves: ("/ro", "ot/"),
        endings: &[],
        because: "a path of one machine",
    },
    Banned {
        halves: ("index.crates", ".io"),
        endings: &[],
        because: REGISTRY,
    },
    Banned {
        halves: ("static.crates", ".io"),
        endings: &[],
        because: REGISTRY,
    },
    Banned {
        halves: ("pypi", ".org"),
        endings: &[],
        because: REGISTRY,
    },
    Banned {
        halves: ("registry.npmjs", ".org"),
        endings: &[],
        because: REGISTRY,
    },
    Banned {
        halves: ("deb.debian", ".org"),
        endings: &[],
        because: REGISTRY,
    },
];

/// What a page of ours is made of.
const PAGES: &[&str] = &["html", "js", "ts", "tsx", "rs"];
const MARKUP: &str = "text becomes markup: set textContent or build elements";
const REGISTRY: &str = "which registry is used is the machine's setting, not the project's";

/// One file that somebody wrote: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn has_ending(&self, endings: &[&str]) -> bool {
        endings.is_empty()
            || endings
                .iter()
                .any(|ending| self.name().ends_with(&format!(".{ending}")))
    }
}

/// All files of text that somebody wrote.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let root = root();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 50, "the files were not found");
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            collect(root, &path, sources);
        } else if kind.is_file() && name != "Cargo.lock" {
            // Another may be removing a file while this runs; what is no text holds nothing of this kind.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let path = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            sources.push(Source { path, text });
        }
    }
}

/// The lines of `source` that hold `text`, a complaint each.
fn complaints(source: &Source, text: &str, because: &str) -> Vec<String> {
    let lines = (1..)
        .zip(source.text.lines())
        .filter(|(_, line)| line.contains(text));
    lines
        .map(|(number, _)| format!("{}:{number}: holds {text:?}: {because}", source.path))
        .collect()
}

#[test]
fn no_file_holds_what_none_may() {
    let mut found = Vec::new();
    let root = root();
    for source in sources() {
        for Banned {
            halves: (first, second),
            endings,
            because,
        } in BANNED
        {
            if source.has_ending(endings) {
                found.extend(complaints(&source, &format!("{first}{second}"), because));
            }
        }
        found.extend(complaints(
            &source,
            root.to_str().unwrap(),
            "a path of one machine",
        ));
    }
    assert_none(found);
}

#[test]
fn every_room_and_every_file_of_it_says_first_what_it_is() {
    let is_room_file =
        |source: &Source| source.path.starts_with("crates/") && source.path.contains("/src/");
    let silent = sources()
        .into_iter()
        .filter(|source| is_room_file(source) && source.has_ending(&["rs"]));
    let complaint = |source: Source| {
        let says = source
            .text
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("//! "));
        (!says).then(|| {
            format!(
                "{}:1: begins with no `//! ` sentence that says what it is for",
                source.path
            )
        })
    };
    assert_none(silent.filter_map(complaint).collect());
}

#[test]
fn no_file_is_long_and_none_has_a_vague_name() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.has_ending(&["rs"])) {
        let lines = source.text.lines().count();
        if lines > RUST_LINES_MAX {
            found.push(format!(
                "{}: {lines} lines, more than {RUST_LINES_MAX}: split it by its nouns",
                source.path
            ));
        }
        if VAGUE_NAMES.contains(&source.name()) {
            found.push(format!(
                "{}: says nothing: name it after the noun it is about",
                source.path
            ));
        }
    }
    assert_none(found);
}

#[test]
fn a_complaint_names_file_line_and_reason() {
    let path = "crates/x/src/lib.rs".to_owned();
    let text = "//! X.\nfn x() {\n    later()\n}\n".to_owned();
    let found = complaints(&Source { path, text }, "later()", "now or never");
    assert_eq!(
        found,
        ["crates/x/src/lib.rs:3: holds \"later()\": now or never"]
    );
}
