//! What parses as an image reference is printed as it was, within the limits, and reads the same through JSON.
#![no_main]

use flare_site_config::image::ImageReference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<ImageReference>() {
        Ok(image) => {
            assert_eq!(image.to_string(), text);
            assert!((1..=255).contains(&image.repository.len()));
            assert!(image.tag.as_ref().is_none_or(|tag| (1..=128).contains(&tag.len())));
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            let json = serde_json::to_string(&image).expect("three strings");
            assert_eq!(serde_json::from_str::<ImageReference>(&json).expect("its own JSON"), image);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
