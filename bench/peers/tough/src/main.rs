// SPDX-License-Identifier: Apache-2.0
// Stock tough as a peer of bench/tuf_peers.py:
//
//   peer-tough get ROOT URL TARGET FOLDER   refreshes and downloads one target of the repository at URL
//   peer-tough load ROOT TARGETS            loads and verifies a targets.json from a file
use std::error::Error;
use std::path::Path;
use tough::schema::{Root, Signed, Targets};
use tough::{HttpTransport, Limits, Prefix, RepositoryLoader, TargetName};
use url::Url;

type Outcome = Result<(), Box<dyn Error>>;

async fn get(root: &Path, site: &str, target: &str, folder: &Path) -> Outcome {
    let (datastore, out) = (folder.join("datastore"), folder.join("targets"));
    std::fs::create_dir_all(&datastore)?;
    std::fs::create_dir_all(&out)?;
    let site = Url::parse(site)?;
    let anchor = std::fs::read(root)?;
    let limits = Limits {
        max_targets_size: 1 << 30,
        max_snapshot_size: 1 << 30,
        ..Limits::default()
    };
    let repository = RepositoryLoader::new(&anchor, site.join("metadata/")?, site.join("targets/")?)
        .transport(HttpTransport::default())
        .limits(limits)
        .datastore(&datastore)
        .load()
        .await?;
    let name = TargetName::new(target)?;
    repository.save_target(&name, &out, Prefix::None).await?;
    Ok(())
}

fn load(root: &Path, targets: &Path) -> Outcome {
    let root: Signed<Root> = serde_json::from_slice(&std::fs::read(root)?)?;
    let targets: Signed<Targets> = serde_json::from_slice(&std::fs::read(targets)?)?;
    root.signed.verify_role(&targets)?;
    println!("{}", targets.signed.targets.len());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["get", root, site, target, folder] => {
            get(root.as_ref(), site, target, folder.as_ref()).await
        }
        ["load", root, targets] => load(root.as_ref(), targets.as_ref()),
        _ => Err("usage: peer-tough get ROOT URL TARGET FOLDER | load ROOT TARGETS".into()),
    };
    if let Err(error) = outcome {
        eprintln!("{error} {error:?}");
        std::process::exit(1);
    }
}
