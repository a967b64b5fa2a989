//! An asynchronous host on tokio: calls run on the threads that tokio keeps for what blocks, a call whose task is
//! dropped is cancelled, and changes come through a channel.
//!
//! ```sh
//! cargo run --release --example async_host
//! ```

use std::error::Error;
use std::time::Duration;

use guanxi::engine::RecordChange;
use guanxi::model::account;
use guanxi::{CancelToken, Code, Key, Patience, Result, Session};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Ends what runs when it is dropped.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Does something with a session on a thread for what blocks. If the future is dropped, the call ends at its next check.
async fn with_session<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(&Session) -> Result<T> + Send + 'static,
) -> Result<T> {
    let token = CancelToken::new();
    let _cancel = CancelOnDrop(token.clone());
    let session = session.with_patience(Patience::with_token(token));
    match spawn_blocking(move || work(&session)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(guanxi::Error::new(Code::Cancelled)),
    }
}

/// The changes of companies from now on, through a channel that holds a few: a slow reader slows the thread that
/// follows, and nobody else. The thread ends when this is dropped.
struct Changes {
    receiver: mpsc::Receiver<RecordChange>,
    _end: CancelOnDrop,
}

fn follow(session: &Session) -> Result<Changes> {
    let (sender, receiver) = mpsc::channel(16);
    let token = CancelToken::new();
    let changes = Changes { receiver, _end: CancelOnDrop(token.clone()) };
    let session = session.with_patience(Patience::with_token(token));
    let mut position = session.crm().head()?.position;
    std::thread::spawn(move || {
        while let Ok(newest) = session.wait_for_changes(position) {
            while position < newest {
                let Ok(found) = session.changes_after(position, &["crm.account"], 0) else { return };
                position = found.position;
                for change in found.changes {
                    if sender.blocking_send(change).is_err() {
                        return;
                    }
                }
            }
        }
    });
    Ok(changes)
}

async fn the_day(session: Session) -> std::result::Result<(), Box<dyn Error>> {
    let mut changes = follow(&session)?;
    let names = ["加喜", "关系", "Harbour"];
    let mut writes = Vec::new();
    for name in names {
        let session = session.clone();
        writes.push(tokio::spawn(async move {
            with_session(&session, move |session| {
                session.write(|txn| Ok(txn.create(account::named(name))?.id()))
            })
            .await
        }));
    }
    for write in writes {
        write.await??;
    }
    for _ in names {
        let change = changes.receiver.recv().await.ok_or("a change is told")?;
        println!("{} {}", change.kind.name(), change.entity);
    }

    // A call that takes for ever is given up after a moment, and has ended then.
    let newest = session.crm().head()?.position;
    let waiting = with_session(&session, move |session| session.wait_for_changes(newest));
    if tokio::time::timeout(Duration::from_millis(20), waiting).await.is_ok() {
        return Err("nobody wrote".into());
    }
    println!(
        "{} companies",
        with_session(&session, |session| session.find::<guanxi::model::Account>().count()).await?
    );
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let crm = guanxi::options()
        .key(Key::raw(*b"an example key never for a host!"))
        .administrator("admin", "one long password")
        .create(folder.path().join("async.guanxi"))?;
    let session = crm.sign_in("admin", "one long password")?;
    Builder::new_multi_thread().worker_threads(2).enable_time().build()?.block_on(the_day(session))
}
