//! No text makes a quantity panic or leave its bounds, and a sign turns it round.
#![no_main]

use flare_site_config::quantity::Quantity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(quantity) = text.parse::<Quantity>() {
        assert!(quantity.nano().abs() <= i128::from(i64::MAX) * 1_000_000_000);
        if !text.starts_with(['-', '+']) {
            let negative: Quantity = format!("-{text}").parse().expect("a sign is always allowed");
            assert_eq!(negative.nano(), -quantity.nano());
        }
    }
});
