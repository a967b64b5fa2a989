//! Whose plugins are loaded: each refusal of the load order has a code of its own, and nothing of what is refused ran.

use std::fs;
use std::path::Path;

use guanxi::Code;
use guanxi_plugin_host::catalogue::{Catalogue, signature_of};
use guanxi_plugin_host::{Loader, Requires, TrustStore, TrustedKey, archive_package};

use crate::vendor::{EXTENDS, Vendor, full, plain, rewrite};
use crate::{house, options};

fn refusal(loader: &Loader, package: &Path) -> Code {
    loader.load(&[package.to_owned()]).unwrap_err().code()
}

#[test]
fn a_signed_package_is_loaded_and_the_ledger_names_its_hash_and_its_key() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    vendor.sign(&package);
    Loader::trusting(vendor.trusted()).install(&house.crm, &[package]).unwrap();
    let state = house.crm.plugin_state("cn.example.bad").unwrap().unwrap();
    assert_eq!((state.version.as_str(), state.key.as_str(), state.sha256.len()), ("1.0.0", "vendor", 64));
    let given = serde_json::json!({"limit": 1_000});
    let told = guanxi::api::call(&house.admin, "ledger.list", &given).unwrap().to_string();
    let said = format!("cn.example.bad 1.0.0 sha256:{} key:vendor", state.sha256);
    assert!(told.contains(&said), "{told}");
}

#[test]
fn a_package_that_nobody_has_signed_or_that_was_altered_since_is_refused() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    let loader = Loader::trusting(vendor.trusted());
    assert_eq!(refusal(&loader, &package), Code::PluginSignature);
    vendor.sign(&package);
    assert!(loader.inspect(&package).is_ok());
    rewrite(&package, "on_fault = \"reject\"", "on_fault = \"skip\"");
    assert_eq!(refusal(&loader, &package), Code::PluginSignature);
    fs::write(package.join("manifest.sig"), "no signature").unwrap();
    assert_eq!(refusal(&loader, &package), Code::PluginSignature);
}

#[test]
fn keys_that_are_unknown_taken_back_or_not_in_force_open_nothing() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    vendor.sign(&package);
    let with = |change: &dyn Fn(&mut TrustedKey)| {
        let mut key = vendor.key(&["cn.example."], &["*"]);
        change(&mut key);
        Loader::trusting(vendor.trusted_with(key))
    };
    let day = |day: &str| Some(day.to_owned());
    assert_eq!(refusal(&Loader::trusting(Vendor::new().trusted()), &package), Code::PluginKeyUnknown);
    assert_eq!(refusal(&Loader::trusting(TrustStore::default()), &package), Code::PluginKeyUnknown);
    assert_eq!(refusal(&with(&|key| key.ids = vec!["cn.other.".into()]), &package), Code::PluginKeyUnknown);
    assert_eq!(refusal(&with(&|key| key.ids = vec!["cn.exam".into()]), &package), Code::PluginKeyUnknown);
    assert_eq!(refusal(&with(&|key| key.revoked = day("lost")), &package), Code::PluginKeyRevoked);
    assert_eq!(refusal(&with(&|key| key.until = day("2020-01-01")), &package), Code::PluginKeyExpired);
    assert_eq!(refusal(&with(&|key| key.from = day("2999-01-01")), &package), Code::PluginKeyExpired);
    assert_eq!(refusal(&with(&|key| key.until = day("soon")), &package), Code::PluginKeyUnknown);
    assert!(with(&|key| key.until = day("2999-01-01")).inspect(&package).is_ok());
}

#[test]
fn a_plugin_that_asks_for_more_than_its_key_grants_is_refused_by_the_capability() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    vendor.sign(&package);
    let loader = Loader::trusting(vendor.trusted_with(vendor.key(&["cn.example.bad"], &EXTENDS)));
    let error = loader.load(std::slice::from_ref(&package)).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::PluginCapability, Some("package")));
    let grants = ["schema:*", "hook:crm.*", "package"];
    let loader = Loader::trusting(vendor.trusted_with(vendor.key(&["cn.example.bad"], &grants)));
    assert!(loader.inspect(&package).is_ok());
}

#[test]
fn a_version_or_a_library_that_was_taken_back_is_refused_with_the_reason() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    vendor.sign(&package);
    let mut store = vendor.trusted();
    store.revoked_versions.insert("cn.example.bad 1.0.0".into(), "loses data".into());
    let error = Loader::trusting(store).load(std::slice::from_ref(&package)).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::PluginRevoked, Some("loses data")));
    let loaded = Loader::trusting(vendor.trusted()).load(std::slice::from_ref(&package)).unwrap();
    let mut store = vendor.trusted();
    store.revoked_libraries.insert(loaded[0].sha256().to_owned(), "forged".into());
    assert_eq!(refusal(&Loader::trusting(store), &package), Code::PluginRevoked);
}

#[test]
fn an_older_version_is_refused_by_the_database_and_not_only_by_the_host() {
    let house = house();
    let place = house.place.path();
    let (new, old) = (full(place, "1.2.0", 1, &[]), full(place, "1.1.0", 1, &[]));
    Loader::unsigned().install_as(&house.admin, &[new]).unwrap();
    let path = place.join("house.guanxi");
    drop((house.admin, house.crm));
    let crm = options().open(&path).unwrap();
    let error = Loader::unsigned().install(&crm, std::slice::from_ref(&old)).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::PluginDowngrade, Some("at least 1.2.0")));
    Loader::unsigned().allow_downgrade().install(&crm, &[old]).unwrap();
    // What was highest stays so.
    assert_eq!(crm.plugin_state("cn.example.full").unwrap().unwrap().version, "1.2.0");
}

#[test]
fn what_a_plugin_needs_is_there_before_it_and_what_it_does_not_go_with_is_not() {
    let house = house();
    let place = house.place.path();
    let needs = |plugins: &[&str], core: Option<&str>| Requires {
        core: core.map(str::to_owned),
        plugins: plugins.iter().map(|said| (*said).to_owned()).collect(),
    };
    let other = full(place, "1.2.0", 1, &[]);
    let folder = |name: &str| {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let good = plain(&folder("good"), needs(&["cn.example.full >=1.1, <2"], Some(">=0.1")), &[]);
    let loader = Loader::unsigned();
    assert_eq!(refusal(&loader, &good), Code::PluginRequires);
    let loaded = loader.load(&[good, other.clone()]).unwrap();
    let ids: Vec<&str> = loaded.iter().map(|plugin| plugin.manifest().id()).collect();
    assert_eq!(ids, ["cn.example.full", "cn.example.bad"]);
    let newer = plain(&folder("newer"), needs(&["cn.example.full >=2"], None), &[]);
    assert_eq!(loader.load(&[newer, other.clone()]).unwrap_err().code(), Code::PluginRequires);
    let engine = plain(&folder("engine"), needs(&[], Some(">=99")), &[]);
    assert_eq!(refusal(&loader, &engine), Code::PluginRequires);
    let alone = plain(&folder("alone"), Requires::default(), &["cn.example.full"]);
    assert_eq!(loader.load(&[alone.clone(), other.clone()]).unwrap_err().code(), Code::PluginExcludes);
    loader.install_as(&house.admin, &[other]).unwrap();
    assert_eq!(loader.install(&house.crm, &[alone]).unwrap_err().code(), Code::PluginExcludes);
}

#[test]
fn a_package_in_one_file_is_what_the_directory_was_with_its_signature() {
    let house = house();
    let vendor = Vendor::new();
    let package = plain(house.place.path(), Requires::default(), &[]);
    vendor.sign(&package);
    let shelf = house.place.path().join("shelf");
    fs::create_dir(&shelf).unwrap();
    let file = archive_package(&package, &shelf).unwrap();
    assert!(file.is_file());
    let loader = Loader::trusting(vendor.trusted());
    assert_eq!(loader.inspect(&file).unwrap(), loader.inspect(&package).unwrap());
    loader.install(&house.crm, std::slice::from_ref(&file)).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let place = bytes.windows(4).position(|four| four == b"\x7fELF").unwrap();
    bytes[place + 64] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(refusal(&loader, &file), Code::PluginHash);
    fs::write(&file, b"something else").unwrap();
    assert_eq!(refusal(&loader, &file), Code::PluginDamaged);
}

#[test]
fn a_trust_store_that_others_may_write_or_that_is_too_large_is_none() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("trust.toml");
    let store = Vendor::new().trusted();
    fs::write(&path, store.to_toml().unwrap()).unwrap();
    assert_eq!(TrustStore::read(&path).unwrap(), store);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    assert_eq!(TrustStore::read(&path).unwrap_err().code(), Code::PluginPath);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(TrustStore::read(Path::new("trust.toml")).unwrap_err().code(), Code::PluginPath);
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert_eq!(TrustStore::read(&path).unwrap_err().code(), Code::PluginTooLarge);
}

#[test]
fn a_trust_store_that_would_not_do_what_it_seems_to_is_refused() {
    let vendor = Vendor::new();
    let (mut twice, mut library, mut version) = (vendor.trusted(), vendor.trusted(), vendor.trusted());
    twice.keys.insert("again".into(), vendor.key(&["cn.example."], &["*"]));
    library.revoked_libraries.insert("A".repeat(64), "forged".into());
    version.revoked_versions.insert("cn.example.bad".into(), "loses data".into());
    for store in [twice, library, version] {
        assert_eq!(store.to_toml().unwrap_err().code(), Code::PluginKeyUnknown);
    }
}

#[test]
fn a_catalogue_gives_the_newest_version_that_stands_and_not_an_old_edition() {
    let place = tempfile::tempdir().unwrap();
    let (shelf, shop) = (place.path().join("shelf"), place.path().join("shop"));
    for folder in [&shelf, &shop] {
        fs::create_dir(folder).unwrap();
    }
    let vendor = Vendor::new();
    for version in ["1.0.0", "1.1.0"] {
        let package = full(place.path(), version, 1, &[]);
        vendor.sign(&package);
        archive_package(&package, &shop).unwrap();
    }
    let path = shop.join("catalogue.json");
    let publish = |catalogue: &Catalogue| {
        let json = catalogue.to_json().unwrap();
        fs::write(&path, &json).unwrap();
        fs::write(signature_of(&path), vendor.signature(json.as_bytes())).unwrap();
    };
    let first = Catalogue::of_folder(&shop, None).unwrap();
    publish(&first);
    // A key signs a catalogue only where it is trusted with that.
    assert_eq!(Catalogue::read(&path, &vendor.trusted(), 0).unwrap_err().code(), Code::PluginKeyUnknown);
    let store = vendor.trusted_with(vendor.key(&["catalogue", "cn.example."], &["*"]));
    let read = |least: u64| Catalogue::read(&path, &store, least);
    let loader = Loader::trusting(store.clone());
    let offers = read(0).unwrap();
    assert_eq!(offers.newest("cn.example.full", None).unwrap().version, "1.1.0");
    assert_eq!(offers.newest("cn.example.full", Some("<1.1")).unwrap().version, "1.0.0");
    assert_eq!(offers.newest("cn.example.none", None).unwrap_err().code(), Code::PluginCatalogue);
    let offer = offers.newest("cn.example.full", None).unwrap();
    let installed = offer.install(&path, &shelf, &loader).unwrap();
    assert_eq!(loader.inspect(&installed).unwrap().version(), "1.1.0");
    let mut second = Catalogue::of_folder(&shop, Some(&first)).unwrap();
    second.revoke("cn.example.full", "1.1.0", "loses data").unwrap();
    publish(&second);
    assert_eq!(read(2).unwrap().newest("cn.example.full", None).unwrap().version, "1.0.0");
    assert_eq!(
        read(2).unwrap().newest("cn.example.full", Some(">1.0")).unwrap_err().code(),
        Code::PluginRevoked
    );
    publish(&first);
    assert_eq!(read(2).unwrap_err().code(), Code::PluginCatalogue);
    // A file that is there already is left, and not taken for the package.
    fs::write(&installed, b"another").unwrap();
    assert_eq!(offer.install(&path, &shelf, &loader).unwrap_err().code(), Code::PluginHash);
    assert_eq!(fs::read(&installed).unwrap(), b"another");
    // A package that is not the one of the catalogue is not put anywhere.
    fs::write(shop.join(&offer.file), b"another").unwrap();
    assert_eq!(
        offer.install(&path, &place.path().join("shop"), &loader).unwrap_err().code(),
        Code::PluginHash
    );
}
