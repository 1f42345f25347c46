//! `glasspost copy`: an installation moved up, from its data file into a database.

use std::path::PathBuf;

use observe::terminal::Bar;
use store::Books;
use store::copy::{Copied, Progress};
use store::postgres::Address;

use crate::cli::CopyArgs;
use crate::exit::Failure;
use crate::settings::{Environment, StoreAddress, data_folder};
use crate::terminal;

/// The variable that says where everything is kept.
const STORE: &str = "GLASSPOST_STORE";

/// Runs the verb.
pub async fn run(args: CopyArgs, environment: &Environment) -> Result<(), Failure> {
    let (folder, database) = ends(&args, environment)?;
    let bar = Bar::begin();
    let copied = store::copy::copy(&folder, &database, |progress| show(&bar, progress)).await;
    bar.clear();
    Ok(terminal::print(&told(&copied?))?)
}

/// From where to where.
fn ends(args: &CopyArgs, environment: &Environment) -> Result<(PathBuf, Address), Failure> {
    let from = parse("--from", &args.from)?;
    let to = match args.to.clone().or_else(|| environment.named(STORE)) {
        Some(text) => parse("--to", &text)?,
        None => {
            let missing = format!("--to postgres://… is needed, or {STORE}");
            return Err(Failure::Arguments(missing));
        }
    };
    match (from, to) {
        (StoreAddress::File(Some(folder)), StoreAddress::Database(database)) => {
            Ok((folder, *database))
        }
        (StoreAddress::File(None), StoreAddress::Database(database)) => {
            let folder = data_folder(args.data.data.as_deref(), None, environment)?;
            Ok((folder, *database))
        }
        (from, to) => Err(Failure::Arguments(refusal(&from, &to))),
    }
}

fn parse(flag: &str, text: &str) -> Result<StoreAddress, Failure> {
    StoreAddress::parse(text).map_err(|error| Failure::Arguments(format!("{flag}: {error}")))
}

fn refusal(from: &StoreAddress, to: &StoreAddress) -> String {
    match from.to_string() == to.to_string() {
        true => format!("--from and --to are the same place, {from}"),
        false => "only the way up is possible: --from sqlite:/folder --to postgres://…".to_owned(),
    }
}

fn show(bar: &Bar, progress: Progress) {
    let Progress { table, rows, total } = progress;
    bar.show(rows, total, format!("{rows} of {total} rows  {table}"));
}

/// The rows of each table, and the books.
fn told(copied: &Copied) -> String {
    let tables = copied.tables.iter().map(|&(name, rows)| (name, rows));
    let all = copied.tables.iter().map(|(_, rows)| rows).sum();
    let lines = tables.chain([("all", all)]);
    let mut text = format!("{:<16}{:>12}\n", "TABLE", "ROWS");
    for (name, rows) in lines {
        text += &format!("{name:<16}{rows:>12}\n");
    }
    text + &balance(&copied.database)
}

fn balance(books: &Books) -> String {
    let Books {
        accepted,
        queued,
        delivered,
        bounced,
        expired,
        dropped,
        cancelled,
    } = books;
    format!(
        "the books agree: {accepted} accepted = {queued} queued + {delivered} delivered + {bounced} bounced + \
         {expired} expired + {dropped} dropped + {cancelled} cancelled\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: Option<&str>) -> String {
        let args = CopyArgs {
            from: from.to_owned(),
            to: to.map(str::to_owned),
            data: Default::default(),
            logs: Default::default(),
        };
        ends(&args, &Environment::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn only_the_way_up_is_possible() {
        let database = "postgres://gp:canary@db.example/mail";
        for (from, to) in [(database, "sqlite:/a"), ("sqlite:/a", "sqlite:/b")] {
            let text = refused(from, Some(to));
            assert!(text.starts_with("only the way up"), "{text}");
        }
        for place in [database, "sqlite:/a"] {
            let text = refused(place, Some(place));
            assert!(
                text.contains("the same place") && !text.contains("canary"),
                "{text}"
            );
        }
        let text = refused("/var/lib/glasspost", Some(database));
        assert!(text.starts_with("--from: "), "{text}");
        assert!(refused("sqlite:/a", None).contains(STORE));
    }

    #[test]
    fn the_database_may_be_said_by_the_environment() {
        let environment =
            Environment::named_for_tests(&[(STORE, "postgres://gp:canary@db.example/mail")]);
        let args = CopyArgs {
            from: "sqlite:/a".to_owned(),
            to: None,
            data: Default::default(),
            logs: Default::default(),
        };
        let (folder, database) = ends(&args, &environment).unwrap();
        assert_eq!(folder, PathBuf::from("/a"));
        assert_eq!(database.to_string(), "postgres://gp@db.example/mail");
    }

    #[test]
    fn what_was_copied_ends_with_the_books() {
        let books = Books {
            accepted: 12,
            queued: 2,
            delivered: 10,
            ..Books::default()
        };
        let copied = Copied {
            tables: vec![("messages", 12), ("events", 1_000_000)],
            file: books,
            database: books,
        };
        assert_eq!(
            told(&copied),
            "TABLE                   ROWS\n\
             messages                  12\n\
             events               1000000\n\
             all                  1000012\n\
             the books agree: 12 accepted = 2 queued + 10 delivered + 0 bounced + 0 expired + 0 dropped + 0 cancelled\n"
        );
    }
}
