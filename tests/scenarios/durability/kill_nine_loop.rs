//! Killed at any moment, again and again, and resumed each time with a changed list: nobody is lost, and only what
//! was under way at a kill can come twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::people::{start, write_list};
use crate::harness::{Folder, Home, Process, Sink, Statuses, amount, until};

const CONNECTIONS: usize = 10;
/// What can be delivered and not yet recorded when the process dies (promise: P-03).
const WINDOW: usize = CONNECTIONS + 64;
/// What happens to whom: it is in the address.
const RULES: [&str; 6] = [
    "--rule",
    "*@refused.example: refuse",
    "--rule",
    "*@late.example: refuse-after-data",
    "--rule",
    "*@grey.example: defer 451 times 1",
];
/// Messages that arrive at most between two kills.
const PROGRESS_MAX: usize = 110;

/// The list as it is now, and all that it was.
struct List {
    /// Address and name in the order of the file.
    rows: Vec<(String, String)>,
    /// Who was taken out, and before which life.
    removed: BTreeMap<String, usize>,
    next: usize,
    random: fastrand::Rng,
}

impl List {
    fn new(count: usize, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let mut list = Self {
            rows: Vec::new(),
            removed: BTreeMap::new(),
            next: 0,
            random,
        };
        list.add(count);
        list
    }

    fn add(&mut self, count: usize) {
        for number in self.next..self.next + count {
            let domain = match number % 50 {
                7 | 32 => "refused.example",
                11 => "late.example",
                3 | 28 => "grey.example",
                _ => "good.example",
            };
            self.rows.push((
                format!("person{number:06}@{domain}"),
                format!("Name{number}"),
            ));
        }
        self.next += count;
    }

    /// What a person may do to a list between two runs, before a life of the process.
    fn edit(&mut self, life: usize) {
        for _ in 0..5 {
            let index = self.random.usize(..self.rows.len());
            let (address, _) = self.rows.swap_remove(index);
            self.removed.insert(address, life);
            let index = self.random.usize(..self.rows.len());
            self.rows[index].1 = format!("Edited{life}");
        }
        self.add(5);
        self.random.shuffle(&mut self.rows);
    }

    fn write(&self, home: &Home) {
        write_list(
            home,
            self.rows
                .iter()
                .map(|(address, name)| (&**address, &**name)),
        );
    }
}

/// Everything the test follows from life to life.
struct Scene {
    home: Home,
    sink: Sink,
    mail: Folder,
    list: List,
    /// The names of the list in each life.
    names: Vec<BTreeMap<String, String>>,
    /// Messages that had arrived at the end of each life.
    arrived: Vec<usize>,
}

impl Scene {
    fn new(people: usize, seed: u64) -> Self {
        let (home, mail) = (Home::new(), Folder::new());
        let folder = mail.path().to_str().unwrap();
        let sink = Sink::start(&[&RULES[..], &["--store-dir", folder]].concat());
        home.relay(sink.port());
        let list = List::new(people, seed);
        Self {
            home,
            sink,
            mail,
            list,
            names: Vec::new(),
            arrived: Vec::new(),
        }
    }

    fn begin_life(&mut self) -> Process {
        let life = self.names.len();
        if life > 0 {
            self.list.edit(life);
        }
        self.list.write(&self.home);
        self.names.push(self.list.rows.iter().cloned().collect());
        start(&self.home, CONNECTIONS, &["--retries", "3", "--resume"])
    }

    /// Lets it live until some messages have come, or for some milliseconds: the start is a moment too.
    fn live(&mut self, process: &mut Process) {
        let before = self.sink.count();
        let (progress, moment) = match self.list.random.u8(..3) {
            0 => (
                usize::MAX,
                Duration::from_millis(self.list.random.u64(..250)),
            ),
            _ => (
                self.list.random.usize(1..PROGRESS_MAX),
                Duration::from_secs(60),
            ),
        };
        let started = Instant::now();
        until("the moment of the kill", || {
            let is_time = started.elapsed() >= moment || self.sink.count() - before >= progress;
            (is_time || process.has_ended()).then_some(())
        });
    }

    fn end_life(&mut self) {
        self.sink.until_all_read();
        self.arrived.push(self.sink.count());
    }

    fn life_of(&self, message: usize) -> usize {
        self.arrived.partition_point(|arrived| *arrived <= message)
    }
}

#[test]
fn nobody_is_lost_and_few_get_it_twice() {
    let (kills, people) = (amount(16, 500), amount(3_000, 50_000));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut scene = Scene::new(people, seed);
    for _ in 0..kills {
        let mut process = scene.begin_life();
        scene.live(&mut process);
        process.kill();
        scene.end_life();
    }
    scene.begin_life().wait().expect_code(0);
    scene.end_life();
    assert!(
        scene.arrived[kills / 2] < scene.arrived[kills],
        "the kills came too late"
    );
    let statuses = scene.home.exact_account();
    check_copies(&scene);
    check_texts(&scene);
    check_ends(&scene, &statuses);
}

/// Within one life nobody gets it twice; a later copy is one of the few that were under way at a kill, and it is
/// the same message.
fn check_copies(scene: &Scene) {
    let mut seen: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut again = vec![0; scene.arrived.len()];
    for (number, message) in scene.sink.accepted().into_iter().enumerate() {
        let life = scene.life_of(number);
        let address = message.recipients[0].clone();
        if let Some((before, id)) = seen.insert(address.clone(), (life, message.message_id.clone()))
        {
            assert!(before < life, "{address} got two in life {life}");
            assert_eq!(
                id, message.message_id,
                "a copy to {address} that is another message"
            );
            again[life] += 1;
        }
    }
    println!("copies after each kill: {again:?}");
    assert!(again.iter().all(|copies| *copies <= WINDOW), "{again:?}");
    // In a soak's large list, a kill costs on average less than one copy in a thousand recipients.
    let (total, kills): (usize, usize) = (again.iter().sum(), again.len() - 1);
    let thousands = seen.len() / 1_000;
    let is_large = thousands >= WINDOW / 2;
    assert!(!is_large || total < kills * thousands, "{total} copies");
}

/// What arrived in a life is what the list said then.
fn check_texts(scene: &Scene) {
    for path in scene.mail.files() {
        let (letter, number) = (fs::read_to_string(&path).unwrap(), number_of(&path));
        let field = |name: &str| {
            let line = letter.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} is missing in {letter}"))
                .trim_matches(['<', '>'])
        };
        let (address, subject) = (field("To: "), field("Subject: "));
        let life = scene.life_of(number);
        let name = scene.names[life].get(address);
        let name = name.unwrap_or_else(|| panic!("{address} got mail in life {life}, unlisted"));
        assert_eq!(subject, format!("Hi {name}"), "{address} in life {life}");
    }
}

/// The sink's n-th file, by its name `<time>-<n>.eml`.
fn number_of(path: &Path) -> usize {
    let name = path.file_stem().unwrap().to_str().unwrap();
    name.rsplit('-').next().unwrap().parse().unwrap()
}

/// Everybody listed has ended as the sink decides; who was taken out has ended before, or was taken back.
fn check_ends(scene: &Scene, statuses: &Statuses) {
    let received: BTreeSet<String> = scene.sink.recipients().into_iter().collect();
    for (address, _) in &scene.list.rows {
        assert_eq!(
            statuses.get(address).map(String::as_str),
            Some(due_end(address)),
            "{address}"
        );
    }
    let mut taken_back = 0;
    for (address, life) in &scene.list.removed {
        match statuses.get(address).map(String::as_str) {
            Some("cancelled") => taken_back += 1,
            Some(status) => assert_eq!(status, due_end(address), "{address}"),
            // Killed before the list was first read so far.
            None => assert!(scene.arrived[life - 1] < scene.arrived[scene.arrived.len() - 1]),
        }
    }
    assert!(taken_back > 0, "nobody was taken back");
    let lost: Vec<_> = statuses
        .iter()
        .filter(|(address, status)| *status == "delivered" && !received.contains(*address))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let unaccounted: Vec<_> = received
        .iter()
        .filter(|address| statuses.get(*address).map(String::as_str) != Some("delivered"))
        .filter(|address| !scene.list.removed.contains_key(*address))
        .collect();
    assert!(
        unaccounted.is_empty(),
        "received by, and not said so: {unaccounted:?}"
    );
}

fn due_end(address: &str) -> &'static str {
    match address.split('@').nth(1) {
        Some("refused.example" | "late.example") => "bounced",
        _ => "delivered",
    }
}
