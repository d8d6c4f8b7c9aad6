//! The user's values: files and single settings, in the order in which Helm merges them.

use std::{ffi::OsString, path::PathBuf};

/// A single value, in the syntax of Helm's flags.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// `--set`: Helm guesses the type.
    Guessed(String),
    /// `--set-string`: always a text.
    Text(String),
}

/// Values that are merged over those of the chart: the files first, then the settings, later ones over earlier ones.
#[derive(Clone, Default)]
pub struct Values {
    /// Values files.
    pub files: Vec<PathBuf>,
    /// Settings.
    pub settings: Vec<Setting>,
    /// Texts that no message shows, such as the values of the two above.
    pub hidden: Vec<String>,
}

/// Shows only their number; values may contain secrets.
impl std::fmt::Debug for Values {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Values")
            .field("files", &self.files)
            .field("settings", &self.settings.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Setting(hidden)")
    }
}

impl Values {
    /// The arguments for Helm.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let files = self.files.iter().flat_map(|file| ["--values".into(), file.clone().into_os_string()]);
        let settings = self.settings.iter().flat_map(|setting| match setting {
            Setting::Guessed(text) => ["--set".into(), OsString::from(text)],
            Setting::Text(text) => ["--set-string".into(), OsString::from(text)],
        });
        files.chain(settings).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_before_settings_and_no_value_is_shown() {
        let values = Values {
            files: vec!["a.yaml".into(), "b.yaml".into()],
            settings: vec![Setting::Guessed("k=hunter2".into()), Setting::Text("t=1".into())],
            hidden: vec!["hunter2".into()],
        };
        let expected = ["--values", "a.yaml", "--values", "b.yaml", "--set", "k=hunter2", "--set-string", "t=1"];
        assert_eq!(values.arguments(), expected.map(OsString::from));
        assert!(!format!("{values:?} {:?}", values.settings).contains("hunter2"));
    }
}
