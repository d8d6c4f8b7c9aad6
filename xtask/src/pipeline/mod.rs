//! The pipelines, one file each: what a verb does, from reading to the single write, without flags and printing.

pub(crate) mod backup;
pub(crate) mod difference;
pub(crate) mod federation;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod kit_directory;
pub(crate) mod launch;
pub(crate) mod launch_canary;
pub(crate) mod launch_run;
pub(crate) mod launch_site;
mod output_path;
pub(crate) mod parallel;
pub(crate) mod participant_files;
pub(crate) mod prepare;
pub(crate) mod prepare_many;
mod read_config;
mod release;
pub(crate) mod request;
pub(crate) mod stage;
pub(crate) mod stage_federation;
pub(crate) mod status;
pub(crate) mod study_data;
pub(crate) mod study_files;
pub(crate) mod uninstall;
pub(crate) mod unstage;
pub(crate) mod verify;
