//! What is copied, in which order, and what changes its form.

use super::Column;

/// A table. Its columns are the database's; those that the file lacks, or that it holds in another form, are said here.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// What is read instead of the file's table of that name.
    from: Option<&'static str>,
    /// How a column is read; with `None`, it takes its default.
    differing: &'static [(&'static str, Option<&'static str>)],
}

/// A table whose rows are numbered by the database.
pub(crate) struct Numbered {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

/// Every table, those before that others refer to. Two are not read as tables of their own: `log` is the file's end of log,
/// and `nodes` are processes.
pub(crate) const TABLES: &[Table] = &[
    Table {
        // The tag and the vault's check stay as they are, and with them message ids and secrets.
        from: Some(
            "(SELECT key, CAST(value AS TEXT) AS value FROM meta WHERE key <> 'end_of_log') AS meta",
        ),
        ..same("meta")
    },
    same("contents"),
    Table {
        // Nobody holds a lane after the move; the token goes on, so that no old lease is ever a new one.
        differing: &[
            ("shard", Some("0")),
            ("holder", None),
            ("process", None),
            ("expires_at", None),
        ],
        ..same("lanes")
    },
    same("campaigns"),
    Table {
        differing: &[
            (
                "last_event_at",
                Some("(SELECT at FROM events WHERE seq = messages.last_event)"),
            ),
            ("held", Some("messages.held IS NOT NULL")),
        ],
        ..same("messages")
    },
    same("troubled"),
    Table {
        differing: &[(
            "previous_at",
            Some("(SELECT before.at FROM events before WHERE before.seq = events.previous)"),
        )],
        ..same("events")
    },
    same("controls"),
    same("books"),
    same("forgotten"),
    same("cursors"),
    same("jobs"),
    same("tenants"),
    same("accounts"),
    same("storages"),
    same("api_keys"),
    same("instance"),
    same("commands"),
    Table {
        differing: &[("held", Some("submissions.held IS NOT NULL"))],
        ..same("submissions")
    },
    Table {
        // In the file, what is sealed is a blob.
        differing: &[
            ("is_sealed", Some("typeof(payloads.payload) = 'blob'")),
            ("payload", Some("CAST(payloads.payload AS TEXT)")),
        ],
        ..same("payloads")
    },
    same("account_counts"),
    Table {
        // In the file by lane, of which an account has one.
        from: Some(
            "(SELECT account, second, sum(count) AS count FROM sends JOIN lanes ON lanes.id = sends.lane \
             WHERE account IS NOT NULL GROUP BY account, second) AS sends",
        ),
        ..same("sends")
    },
    same("reports"),
    same("report_counts"),
    Table {
        differing: &[(
            "last_event_at",
            Some("(SELECT at FROM events WHERE seq = news.last_event)"),
        )],
        ..same("news")
    },
    same("unanswered"),
    same("statistics"),
    same("statistics_progress"),
    same("forgotten_events"),
];

/// The tables whose numbers go on where the file's end.
pub(crate) const NUMBERED: &[Numbered] = &[
    numbered("contents", "id"),
    numbered("lanes", "id"),
    numbered("accounts", "pk"),
    numbered("api_keys", "id"),
    numbered("commands", "id"),
];

/// The books of all lanes, by state.
pub(super) const BOOKS: &str =
    "SELECT state, CAST(sum(count) AS BIGINT) FROM books GROUP BY state ORDER BY state";

/// What has to be the same on both sides, beside the numbers of rows. Both understand the queries.
pub(super) const SUMS: &[(&str, &str)] = &[
    ("the books", BOOKS),
    (
        "the books of what is kept no longer",
        "SELECT state, CAST(sum(count) AS BIGINT) FROM forgotten GROUP BY state ORDER BY state",
    ),
    (
        "the messages by state",
        "SELECT state, count(*) FROM messages GROUP BY state ORDER BY state",
    ),
    (
        "the accounts' counts",
        "SELECT CAST(coalesce(sum(accepted), 0) AS BIGINT), CAST(coalesce(sum(sent), 0) AS BIGINT), \
         CAST(coalesce(sum(errors), 0) AS BIGINT), CAST(coalesce(sum(cancelled), 0) AS BIGINT), \
         CAST(coalesce(sum(deferred), 0) AS BIGINT), CAST(coalesce(sum(rate_limited), 0) AS BIGINT) \
         FROM account_counts",
    ),
    (
        "what was sent of late",
        "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM sends",
    ),
    (
        "the statistics",
        "SELECT kind, CAST(sum(count) AS BIGINT) FROM statistics GROUP BY kind ORDER BY kind",
    ),
    (
        "the statistics of what is kept no longer",
        "SELECT kind, CAST(sum(count) AS BIGINT) FROM forgotten_events GROUP BY kind ORDER BY kind",
    ),
    (
        "the counts of reports",
        "SELECT channel, CAST(sum(count) AS BIGINT) FROM report_counts GROUP BY channel ORDER BY channel",
    ),
];

/// The months that the file's events are of, the latest first: year and month as one number, and from when until when it
/// goes. What is not among them is kept in the part for all others.
pub(super) const MONTHS: &str = "SELECT DISTINCT CAST(strftime('%Y%m', day * 86400, 'unixepoch') AS INTEGER), \
     1000 * CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER), \
     1000 * CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month', '+1 month') AS INTEGER) \
     FROM (SELECT DISTINCT at / 86400000 AS day FROM events WHERE at BETWEEN 0 AND 253402300799999) \
     ORDER BY 1 DESC LIMIT 240";

/// A table that is the same on both sides.
const fn same(name: &'static str) -> Table {
    Table {
        name,
        from: None,
        differing: &[],
    }
}

const fn numbered(table: &'static str, column: &'static str) -> Numbered {
    Numbered { table, column }
}

// === impl Table ===

impl Table {
    /// Whether a column of the database is to be filled.
    pub(crate) fn fills(&self, column: &str) -> bool {
        self.differing(column) != Some(None)
    }

    /// What gives the rows, with the values of these columns.
    pub(super) fn query(&self, columns: &[Column]) -> String {
        let values: Vec<String> = columns.iter().map(|column| self.value(column)).collect();
        format!("SELECT {} FROM {}", values.join(", "), self.source())
    }

    /// What gives the number of the rows.
    pub(super) fn count(&self) -> String {
        format!("SELECT count(*) FROM {}", self.source())
    }

    fn value(&self, Column { name, .. }: &Column) -> String {
        match self.differing(name).flatten() {
            Some(value) => value.to_owned(),
            // With the table's name before it: SQLite takes what is in quotes and no column's name for a text.
            None => format!("{}.\"{name}\"", self.name),
        }
    }

    fn source(&self) -> &'static str {
        self.from.unwrap_or(self.name)
    }

    fn differing(&self, column: &str) -> Option<Option<&'static str>> {
        let found = self.differing.iter().find(|(name, _)| *name == column);
        found.map(|(_, value)| *value)
    }
}

// === impl Numbered ===

impl Numbered {
    /// What gives the next number: after the largest that there is, and after those that were given and are gone.
    pub(super) fn next(&self) -> String {
        let Self { table, column } = self;
        format!(
            "SELECT 1 + max(ifnull((SELECT max({column}) FROM {table}), 0), \
             ifnull((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0))"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn what_differs_is_read_as_it_says_and_the_rest_by_its_name() {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: Kind::Number,
        };
        let lanes = TABLES.iter().find(|table| table.name == "lanes").unwrap();
        assert!(lanes.fills("token") && lanes.fills("shard") && !lanes.fills("holder"));
        assert_eq!(
            lanes.query(&[column("id"), column("shard")]),
            "SELECT lanes.\"id\", 0 FROM lanes"
        );
    }
}
