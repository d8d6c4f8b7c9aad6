//! What parses as an image reference is printed as it was.
#![no_main]

use flare_site_config::image::ImageReference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(image) = text.parse::<ImageReference>() {
        assert_eq!(image.to_string(), text);
    }
});
