//! No text makes a quantity panic or leave its bounds; the order is total, and signs, suffixes and zeros mean what they say.
#![no_main]

use std::cmp::Ordering;

use flare_site_config::quantity::Quantity;
use libfuzzer_sys::fuzz_target;

const NANO: i128 = 1_000_000_000;
const LARGEST: i128 = i64::MAX as i128 * NANO;

fn read(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is a quantity"))
}

fuzz_target!(|texts: (&str, &str)| {
    let found = [texts.0, texts.1].map(|text| text.parse::<Quantity>().ok());
    for (text, quantity) in [texts.0, texts.1].into_iter().zip(found) {
        if let Some(quantity) = quantity {
            check(text, quantity);
        }
    }
    if let [Some(one), Some(other)] = found {
        assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
        assert_eq!(one.cmp(&other) == Ordering::Equal, one.nano() == other.nano());
        assert!(!one.is_multiple_of(other) || one.nano() % other.nano() == 0);
    }
});

fn check(text: &str, quantity: Quantity) {
    assert!(quantity.nano().abs() <= LARGEST);
    assert_eq!(quantity.is_whole(), quantity.nano() % NANO == 0);
    if text.starts_with(['-', '+']) {
        return;
    }
    assert!(!quantity.is_negative());
    assert_eq!(read(&format!("-{text}")).nano(), -quantity.nano());
    assert_eq!(read(&format!("+{text}")), quantity);
    assert_eq!(read(&format!("0{text}")), quantity);
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        check_suffixes(text, quantity);
    }
}

fn check_suffixes(number: &str, quantity: Quantity) {
    let with = |suffix: &str| read(&format!("{number}{suffix}")).nano();
    for (suffix, exponent) in [("n", "e-9"), ("m", "E-3"), ("k", "e3"), ("M", "e+6"), ("E", "e18"), ("", "e0")] {
        assert_eq!(with(suffix), with(exponent), "{suffix}");
    }
    let ladder = ["n", "u", "m", "", "k", "Ki", "M", "Mi", "G", "Gi", "T", "Ti", "P", "Pi", "E", "Ei"].map(with);
    assert!(ladder.is_sorted());
    if let Ok(whole) = number.parse::<i64>() {
        let whole = i128::from(whole);
        assert_eq!(quantity.nano(), whole * NANO);
        assert_eq!(with("Ki"), (whole * 1024 * NANO).min(LARGEST));
        assert_eq!(with("n"), whole);
        assert_eq!(read(&format!("{number}.0")), quantity);
    }
}
