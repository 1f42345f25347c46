//! Which room may depend on which, read from the manifests.

#![expect(clippy::print_stdout, reason = "a note that is worth no failure")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{assert_none, root};

/// A room: one crate of the workspace.
pub struct Room {
    pub name: String,
    /// The folders of its own code.
    pub code: Vec<PathBuf>,
    /// The folders of its tests, benches and examples.
    pub test_code: Vec<PathBuf>,
    /// What its manifest declares; a room may depend on lower ranks only.
    rank: Option<u64>,
    pub dependencies: Vec<Dependency>,
}

/// A crate that a room names in its manifest.
pub struct Dependency {
    pub name: String,
    pub is_for_tests: bool,
}

/// The rooms as cargo sees them.
pub fn rooms() -> Vec<Room> {
    let arguments = [
        "metadata",
        "--offline",
        "--no-deps",
        "--format-version",
        "1",
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {errors}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(Room::read)
        .collect()
}

impl Room {
    fn read(package: &Value) -> Self {
        let targets = package["targets"].as_array().unwrap();
        let is_own =
            |target: &&Value| target["kind"] == json!(["lib"]) || target["kind"] == json!(["bin"]);
        let (own, others): (Vec<_>, Vec<_>) = targets.iter().partition(is_own);
        let dependencies = package["dependencies"].as_array().unwrap();
        Self {
            name: package["name"].as_str().unwrap().to_owned(),
            code: own.into_iter().map(folder_of).collect(),
            test_code: others.into_iter().map(folder_of).collect(),
            rank: package["metadata"]["glasspost"]["rank"].as_u64(),
            dependencies: dependencies.iter().map(Dependency::read).collect(),
        }
    }
}

/// The folder of a target's first file.
fn folder_of(target: &Value) -> PathBuf {
    Path::new(target["src_path"].as_str().unwrap())
        .parent()
        .unwrap()
        .to_owned()
}

impl Dependency {
    fn read(dependency: &Value) -> Self {
        Self {
            name: dependency["name"].as_str().unwrap().to_owned(),
            is_for_tests: dependency["kind"] == "dev",
        }
    }
}

/// What is wrong with the ranks, a sentence each.
fn complaints(rooms: &[Room]) -> Vec<String> {
    let rank_of = |name: &str| rooms.iter().find(|room| room.name == name)?.rank;
    let mut complaints = Vec::new();
    for Room {
        name,
        rank,
        dependencies,
        ..
    } in rooms
    {
        let Some(rank) = *rank else {
            complaints.push(format!("{name}: {NO_RANK}"));
            continue;
        };
        for dependency in dependencies {
            let other = &dependency.name;
            match rank_of(other).filter(|other_rank| *other_rank >= rank) {
                None => {}
                // Shown with `--nocapture`: a test may look up, but seldom should.
                Some(_) if dependency.is_for_tests => println!("the tests of {name} use {other}"),
                Some(other_rank) => complaints.push(format!(
                    "{name} (rank {rank}) depends on {other} (rank {other_rank}): {NOT_LOWER}"
                )),
            }
        }
    }
    complaints
}

const NO_RANK: &str = "its Cargo.toml declares no rank: add `[package.metadata.glasspost]` with \
                       `rank = N`, higher than that of every room it depends on";
const NOT_LOWER: &str = "a room knows lower ranks only; what both need belongs below them";

#[test]
fn a_room_depends_on_lower_ranks_only() {
    assert_none(complaints(&rooms()));
}

#[test]
fn the_table_of_rooms_is_the_manifests() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let written: BTreeMap<&str, u64> = text.lines().filter_map(table_row).collect();
    let rooms = rooms();
    let declared: BTreeMap<&str, u64> = rooms
        .iter()
        .filter_map(|room| Some((room.name.as_str(), room.rank?)))
        .collect();
    assert_eq!(
        written, declared,
        "the table in ARCHITECTURE.md (left) is not what the manifests declare (right)"
    );
}

/// Name and rank in a row such as ``| 1 | `smtp` | … |``.
fn table_row(line: &str) -> Option<(&str, u64)> {
    let (rank, rest) = line.strip_prefix("| ")?.split_once(" | `")?;
    Some((rest.split_once('`')?.0, rank.parse().ok()?))
}

#[test]
fn equal_and_higher_ranks_are_refused_and_named() {
    let room = |name: &str, rank, dependencies: &[(&str, bool)]| Room {
        name: name.to_owned(),
        code: Vec::new(),
        test_code: Vec::new(),
        rank,
        dependencies: dependencies
            .iter()
            .map(|&(name, is_for_tests)| Dependency {
                name: name.to_owned(),
                is_for_tests,
            })
            .collect(),
    };
    let found = complaints(&[
        room("floor", Some(0), &[("serde", false), ("tower", true)]),
        room("left", Some(1), &[("floor", false), ("right", false)]),
        room("right", Some(1), &[("tower", false)]),
        room("tower", Some(2), &[("left", false), ("right", false)]),
        room("shed", None, &[]),
    ]);
    let beginnings = [
        "left (rank 1) depends on right (rank 1)",
        "right (rank 1) depends on tower (rank 2)",
        "shed:",
    ];
    assert_eq!(found.len(), beginnings.len(), "{found:#?}");
    for (complaint, beginning) in found.iter().zip(beginnings) {
        assert!(complaint.starts_with(beginning), "{complaint}");
    }
}
