//! Where the data file lives: the flag, else the environment, else the platform's place.

use std::path::{Path, PathBuf};

use super::environment::{Environment, Variable};

/// Our folder inside the platform's place for data.
const FOLDER_NAME: &str = "glasspost";
/// What a folder is called that stands for a file of MailGrid's: `mailgrid.db` becomes `mailgrid.glasspost`.
const STAND_IN_EXTENSION: &str = "glasspost";

/// There is no place for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no data folder is known: give --data DIR or set GLASSPOST_DATA")]
pub struct DataFolderError;

/// The data folder. `data` is `--data`, `job_file` is `--db-path` or `--scheduler-db`.
pub fn data_folder(
    data: Option<&Path>,
    job_file: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, DataFolderError> {
    let by_flag = data
        .map(Path::to_owned)
        .or_else(|| job_file.map(folder_of_job_file));
    by_flag
        .or_else(|| environment.path(Variable::Data))
        .or_else(|| {
            let file = environment.path(Variable::MailgridDb)?;
            Some(folder_of_job_file(&file))
        })
        .or_else(|| platform_folder(environment))
        .ok_or(DataFolderError)
}

/// Whether a command finds this folder without being told of it by a flag or a variable of ours.
pub fn is_platform_folder(folder: &Path, environment: &Environment) -> bool {
    platform_folder(environment).as_deref() == Some(folder)
}

/// MailGrid names a file for its jobs, we keep a folder: a path without an extension, or of a folder, is meant as
/// it is; our own data file means the folder it is in; any other file gets a folder beside it and stays untouched.
fn folder_of_job_file(path: &Path) -> PathBuf {
    if path.is_dir() || path.extension().is_none() {
        return path.to_owned();
    }
    if path.file_name() == Some(store::sqlite::FILE_NAME.as_ref()) {
        let parent = path.parent().unwrap_or(Path::new(""));
        return Path::new(".").join(parent);
    }
    path.with_extension(STAND_IN_EXTENSION)
}

/// `~/.local/share/glasspost` and its counterparts on macOS and Windows.
fn platform_folder(environment: &Environment) -> Option<PathBuf> {
    let home = || environment.path(Variable::Home);
    let base = if cfg!(windows) {
        environment.path(Variable::AppData)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        // A relative path there is invalid and to be passed over (XDG Base Directory Specification).
        environment
            .path(Variable::XdgDataHome)
            .filter(|path| path.is_absolute())
            .or_else(|| home().map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join(FOLDER_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &[(Variable, &str)]) -> Environment {
        Environment::of(set.iter().map(|&(name, value)| (name, value.into())))
    }

    #[test]
    fn the_flag_comes_before_the_environment_before_the_platform() {
        let all = environment(&[
            (Variable::Data, "/by/variable"),
            (Variable::MailgridDb, "/jobs/mailgrid.db"),
            (Variable::XdgDataHome, "/xdg"),
            (Variable::Home, "/home/ada"),
        ]);
        let flag = data_folder(Some(Path::new("/by/flag")), Some(Path::new("x.db")), &all);
        assert_eq!(flag, Ok("/by/flag".into()));
        let job_file = data_folder(None, Some(Path::new("/jobs/other.db")), &all);
        assert_eq!(job_file, Ok("/jobs/other.glasspost".into()));
        assert_eq!(data_folder(None, None, &all), Ok("/by/variable".into()));
        let mailgrid = environment(&[(Variable::MailgridDb, "/jobs/mailgrid.db")]);
        let folder = data_folder(None, None, &mailgrid);
        assert_eq!(folder, Ok("/jobs/mailgrid.glasspost".into()));
        assert_eq!(
            data_folder(None, None, &Environment::default()),
            Err(DataFolderError)
        );
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_platforms_place_follows_xdg() {
        let home = (Variable::Home, "/home/ada");
        let xdg = environment(&[(Variable::XdgDataHome, "/xdg"), home]);
        assert_eq!(data_folder(None, None, &xdg), Ok("/xdg/glasspost".into()));
        let relative = environment(&[(Variable::XdgDataHome, "data"), home]);
        let expected = PathBuf::from("/home/ada/.local/share/glasspost");
        assert_eq!(data_folder(None, None, &relative), Ok(expected.clone()));
        assert!(is_platform_folder(&expected, &relative));
        assert!(!is_platform_folder(Path::new("data"), &relative));
        assert!(!is_platform_folder(&expected, &Environment::default()));
    }

    #[test]
    fn a_job_file_of_mailgrids_stays_untouched() {
        let folder = |path: &str| folder_of_job_file(Path::new(path));
        assert_eq!(folder("mailgrid.db"), PathBuf::from("mailgrid.glasspost"));
        assert_eq!(folder("/var/lib/mail"), PathBuf::from("/var/lib/mail"));
        assert_eq!(
            folder("/var/lib/mail/glasspost.db"),
            PathBuf::from("/var/lib/mail")
        );
        assert_eq!(folder("glasspost.db"), PathBuf::from("."));
    }
}
