//! No bytes as a job's `meta.json` make its reader panic, for neither release and neither role.
#![no_main]

use flare_launcher_args::LauncherArgs;
use flare_names::{Role, Target};
use flare_pod_manifest::{Additions, LaunchRequest, PreparedSite, SiteFiles, Submission, manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let launcher: LauncherArgs = serde_json::from_str(
        r#"{"config_file_path": null, "namespace": "nvflare", "default_python_path": "python3", "workspace_mount_path": "/w"}"#,
    )
    .expect("the arguments are valid");
    for (role, site) in [(Role::Client, "site-1"), (Role::Server, "server")] {
        for target in Target::ALL {
            let site = PreparedSite { role, site, launcher: &launcher, pod_defaults: None, parent_url: None, parent_connection_security: None, server_name: None };
            if let Ok(request) = LaunchRequest::for_prepared(&site, bytes, "meta.json", Submission { study: Some("cancer"), job_id: None }, target) {
                let _ = manifest(&request.value, &SiteFiles::default(), &Additions::default());
            }
        }
    }
});
