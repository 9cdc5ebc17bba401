// SPDX-License-Identifier: Apache-2.0
// Stock tough, in two small roles:
//
//   stock-tough get ROOT SITE TARGET FOLDER [spread]   downloads one target of the site in the folder SITE
//   stock-tough write FOLDER plain|consistent          writes a repository with tough's own editor
//
// Exit status: 0 good, 1 refused, 3 no such target, 2 wrong usage.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, ECDSA_P256_SHA256_ASN1_SIGNING};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use tough::editor::signed::{PathExists, SignedRole};
use tough::editor::RepositoryEditor;
use tough::key_source::{KeySource, LocalKeySource};
use tough::schema::{KeyHolder, PathPattern, PathSet, RoleKeys, RoleType, Root, Target};
use tough::{
    async_trait, FilesystemTransport, Prefix, RepositoryLoader, TargetName, Transport,
    TransportError, TransportStream,
};
use url::Url;

type Outcome = Result<i32, Box<dyn Error>>;

const NO_SUCH_TARGET: i32 = 3;

/// tough asks for "HASH.dir/name" where python-tuf, tuf-js and go-tuf ask for "dir/HASH.name". This
/// transport, as a user of tough would write it, puts the hash where the others look for it.
#[derive(Debug, Clone)]
struct Spread;

#[async_trait]
impl Transport for Spread {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        FilesystemTransport.fetch(respell(&url)).await
    }
}

fn respell(url: &Url) -> Url {
    let mut respelled = url.clone();
    let parts: Vec<&str> = url.path().split('/').collect();
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let found = parts
        .iter()
        .position(|part| part.split_once('.').is_some_and(|(hash, _)| is_hash(hash)));
    if let Some(at) = found {
        let (hash, first) = parts[at].split_once('.').unwrap_or_default();
        let mut moved: Vec<String> = parts.iter().map(|part| part.to_string()).collect();
        moved[at] = first.to_string();
        if let Some(last) = moved.last_mut() {
            *last = format!("{hash}.{last}");
        }
        respelled.set_path(&moved.join("/"));
    }
    respelled
}

fn folder_url(folder: &Path) -> Result<Url, Box<dyn Error>> {
    let folder = folder.canonicalize()?;
    Url::from_directory_path(&folder).map_err(|()| format!("{}: no URL", folder.display()).into())
}

async fn get(root: &Path, site: &Path, target: &str, folder: &Path, spread: bool) -> Outcome {
    let datastore = folder.join("datastore");
    let out = folder.join("targets");
    std::fs::create_dir_all(&datastore)?;
    std::fs::create_dir_all(&out)?;
    let anchor = std::fs::read(root)?;
    let mut loader = RepositoryLoader::new(
        &anchor,
        folder_url(&site.join("metadata"))?,
        folder_url(&site.join("targets"))?,
    )
    .datastore(&datastore);
    if spread {
        loader = loader.transport(Spread);
    }
    let repository = loader.load().await?;
    let name = TargetName::new(target)?;
    if !repository.all_targets().any(|(listed, _)| *listed == name) {
        eprintln!("no such target");
        return Ok(NO_SUCH_TARGET);
    }
    repository.save_target(&name, &out, Prefix::None).await?;
    println!("{}", out.join(target).display());
    Ok(0)
}

/// A fresh key as tough wants it: a PKCS#8 file.
fn key_file(
    folder: &Path,
    name: &str,
    pkcs8: &[u8],
) -> Result<Vec<Box<dyn KeySource>>, Box<dyn Error>> {
    let path = folder.join(name);
    std::fs::write(&path, pkcs8)?;
    Ok(vec![Box::new(LocalKeySource { path })])
}

async fn signed_root(
    keys: &[Box<dyn KeySource>],
    consistent_snapshot: bool,
    expires: Timestamp,
) -> Result<SignedRole<Root>, Box<dyn Error>> {
    let key = keys[0]
        .as_sign()
        .await
        .map_err(|e| e.to_string())?
        .tuf_key();
    let id = key.key_id()?;
    let role = RoleKeys {
        keyids: vec![id.clone()],
        threshold: NonZeroU64::MIN,
        _extra: HashMap::new(),
    };
    let names = [
        RoleType::Root,
        RoleType::Timestamp,
        RoleType::Snapshot,
        RoleType::Targets,
    ];
    let root = Root {
        spec_version: "1.0.0".to_string(),
        consistent_snapshot,
        version: NonZeroU64::MIN,
        expires,
        keys: HashMap::from([(id, key)]),
        roles: names.into_iter().map(|name| (name, role.clone())).collect(),
        _extra: HashMap::new(),
    };
    Ok(SignedRole::new(
        root.clone(),
        &KeyHolder::Root(root),
        keys,
        &SystemRandom::new(),
    )
    .await?)
}

/// "top.bin" in the top-level role (Ed25519), "nic-rom.bin" in the delegated role "nic" (ECDSA P-256); without
/// consistent snapshots also "other/deep.bin", which tough and the rest of the world then name alike.
async fn write(folder: &Path, consistent_snapshot: bool) -> Outcome {
    let keys = folder.join("keys");
    let sources = folder.join("sources");
    let metadata = folder.join("metadata");
    for one in [&keys, &sources, &metadata] {
        std::fs::create_dir_all(one)?;
    }
    // Whole seconds: TUF's format has no fractions, and tough writes them if there are any.
    let expires =
        Timestamp::from_second(Timestamp::now().as_second())? + SignedDuration::from_hours(24 * 30);
    let ed25519 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?;
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?.to_pkcs8v1()?;
    let top_keys = key_file(&keys, "top", ed25519.as_ref())?;
    let nic_keys = key_file(&keys, "nic", ecdsa.as_ref())?;

    signed_root(&top_keys, consistent_snapshot, expires)
        .await?
        .write(&metadata, consistent_snapshot)
        .await?;
    let mut editor = RepositoryEditor::new(metadata.join("1.root.json")).await?;
    let one = NonZeroU64::MIN;
    editor
        .snapshot_version(one)
        .snapshot_expires(expires)
        .timestamp_version(one)
        .timestamp_expires(expires);

    let place = |name: &str, size: usize| -> Result<PathBuf, std::io::Error> {
        let path = sources.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&sources))?;
        std::fs::write(&path, name.as_bytes().repeat(size))?;
        Ok(path)
    };
    editor.targets_version(one)?.targets_expires(expires)?;
    editor.add_target_path(place("top.bin", 1000)?).await?;
    if !consistent_snapshot {
        editor.add_target(
            "other/deep.bin",
            Target::from_path(place("other/deep.bin", 500)?).await?,
        )?;
    }
    let paths = PathSet::Paths(vec![PathPattern::new("nic-*")?]);
    editor
        .delegate_role("nic", &nic_keys, paths, true, one, expires, one)
        .await?;
    editor
        .sign_targets_editor(&top_keys)
        .await?
        .change_delegated_targets("nic")?;
    editor.add_target_path(place("nic-rom.bin", 2000)?).await?;
    editor
        .targets_version(one)?
        .targets_expires(expires)?
        .sign_targets_editor(&nic_keys)
        .await?;

    let signed = editor.sign(&top_keys).await?;
    signed.write(&metadata).await?;
    signed
        .copy_targets(&sources, folder.join("targets"), PathExists::Fail)
        .await?;
    if !consistent_snapshot {
        std::fs::create_dir_all(folder.join("targets/other"))?;
        std::fs::copy(
            sources.join("other/deep.bin"),
            folder.join("targets/other/deep.bin"),
        )?;
    }
    Ok(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["get", root, site, target, folder] => {
            get(root.as_ref(), site.as_ref(), target, folder.as_ref(), false).await
        }
        ["get", root, site, target, folder, "spread"] => {
            get(root.as_ref(), site.as_ref(), target, folder.as_ref(), true).await
        }
        ["write", folder, kind @ ("plain" | "consistent")] => write(folder.as_ref(), kind == "consistent").await,
        _ => Err("usage: stock-tough get ROOT SITE TARGET FOLDER [spread] | write FOLDER plain|consistent".into()),
    };
    let status = match outcome {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(one) = cause {
                eprintln!("  because: {one}");
                cause = one.source();
            }
            1
        }
    };
    std::process::exit(status);
}
