use crate::web::assets::{find, paths, url};

#[test]
fn a_file_is_found_by_its_own_address_only() {
    let address = url("icons.svg");
    let [_, _, digest, path] = address.split('/').collect::<Vec<_>>()[..] else { panic!("{address}") };
    let icons = find(digest, path).unwrap();
    assert_eq!(icons.media_type, "image/svg+xml");
    assert!(find("000000000000", path).is_none());
    assert!(find(digest, "../Cargo.toml").is_none());
    assert!(find(digest, "").is_none());
}

#[test]
fn the_style_sheet_holds_all_its_sections_in_order() {
    let address = url("countersign.css");
    let sheet = find(address.split('/').nth(2).unwrap(), "countersign.css").unwrap();
    assert_eq!(sheet.media_type, "text/css; charset=utf-8");
    let text = String::from_utf8(sheet.bytes.to_vec()).unwrap();
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(place(":root {") < place("body.app") && place("body.app") < place("@media print"));
    assert!(paths().all(|path| !path.starts_with("css/")), "sections are not served apart");
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for path in paths() {
        let address = url(path);
        let bytes = &find(address.split('/').nth(2).unwrap(), path).unwrap().bytes;
        let text = String::from_utf8_lossy(bytes).replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("http:") && !text.contains("https:"), "{path} names another place");
        assert!(!text.contains("@import"), "{path} imports");
    }
}
