//! The phases, each of which runs for one side in a process of its own and prints what it measured.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use clap::ValueEnum;
use rustix::fs::{Advice, fadvise};

use crate::crm::{
    self, Account, Guanxi, Opening, Role, Row, SqlCipher, Store, VISIBLE_OWNERS, Worker, Workload,
};
use crate::harness::{Clock, Outcome, Reply, Side, Spent, flags};
use crate::storage::sealing;

/// Opens whose median is taken.
const OPENS: usize = 9;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// Makes a database with its people; not measured.
    Create,
    /// Stores all rows in batches.
    Load,
    /// Reads single accounts and pages, with warm caches.
    Read,
    /// Reads single accounts that no cache of the system holds.
    ReadCold,
    /// Commits single changes.
    Commit,
    /// Commits and then waits to be killed.
    CommitAndWait,
    /// Opens several times.
    Open,
    /// Opens once.
    OpenOnce,
    /// Measures the files.
    Size,
    /// Measures a backup.
    Backup,
    /// Compacts, and measures the files.
    Compact,
    /// Stores rows in one table of redb.
    SealingLoad,
    /// Reads rows of it that the cache holds.
    SealingRead,
    /// Commits single rows to it.
    SealingCommit,
}

/// A phase and its circumstances.
#[derive(Debug, Clone, clap::Args)]
pub struct PhaseArguments {
    /// What is done.
    pub phase: Phase,
    /// By whom.
    #[arg(long)]
    pub side: Side,
    /// Where the database lies.
    #[arg(long)]
    pub folder: PathBuf,
    /// Accounts of the workload.
    #[arg(long)]
    pub accounts: usize,
    /// Memory for pages.
    #[arg(long)]
    pub cache_bytes: u64,
    /// Rows of one commit.
    #[arg(long)]
    pub batch: usize,
    /// Threads that commit.
    #[arg(long)]
    pub threads: usize,
    /// Whether commits are relaxed.
    #[arg(long)]
    pub relaxed: bool,
}

impl PhaseArguments {
    /// The arguments as the command line takes them.
    pub fn to_strings(&self) -> Vec<String> {
        let phase = self.phase.to_possible_value();
        let mut strings = vec!["phase".to_owned()];
        strings.extend(phase.map(|phase| phase.get_name().to_owned()));
        strings.extend(flags([
            ("side", self.side.name().to_owned()),
            ("folder", self.folder.to_string_lossy().into_owned()),
            ("accounts", self.accounts.to_string()),
            ("cache-bytes", self.cache_bytes.to_string()),
            ("batch", self.batch.to_string()),
            ("threads", self.threads.to_string()),
        ]));
        strings.extend(self.relaxed.then(|| "--relaxed".to_owned()));
        strings
    }

    fn opening(&self) -> Opening {
        let cache_bytes = usize::try_from(self.cache_bytes).unwrap_or(usize::MAX);
        Opening { cache_bytes, relaxed: self.relaxed }
    }

    fn workload(&self) -> Workload {
        Workload::of(self.accounts)
    }
}

/// Runs a phase and prints its measures.
pub fn phase(arguments: &PhaseArguments) -> Outcome<()> {
    match arguments.side {
        Side::Ours => run::<Guanxi>(arguments),
        Side::Theirs => run::<SqlCipher>(arguments),
    }
}

fn run<S: Store>(arguments: &PhaseArguments) -> Outcome<()> {
    let folder = &arguments.folder;
    let reply = match arguments.phase {
        Phase::Create => return S::create(folder),
        Phase::Load => load::<S>(arguments)?,
        Phase::Read => read::<S>(arguments)?,
        Phase::ReadCold => read_cold::<S>(arguments)?,
        Phase::Commit => commit::<S>(arguments)?,
        Phase::CommitAndWait => return commit_and_wait::<S>(arguments),
        Phase::Open => open::<S>(arguments, OPENS)?,
        Phase::OpenOnce => open::<S>(arguments, 1)?,
        Phase::Size => {
            let (all, history) = (S::size(folder)?, S::size_of_history(folder)?);
            Reply::default()
                .with("mib", mib(all))
                .with("without_history_mib", mib(all.saturating_sub(history)))
        }
        Phase::Backup => Reply::default().with("mib", mib(S::backup_size(folder, arguments.opening())?)),
        Phase::Compact => Reply::default().with("mib", mib(S::compacted_size(folder, arguments.opening())?)),
        Phase::SealingLoad => sealing::load(arguments)?,
        Phase::SealingRead => sealing::read(arguments)?,
        Phase::SealingCommit => sealing::commit(arguments)?,
    };
    reply.print();
    Ok(())
}

fn load<S: Store>(arguments: &PhaseArguments) -> Outcome<Reply> {
    let store = S::open(&arguments.folder, arguments.opening())?;
    let mut worker = store.worker(Role::Administrator)?;
    let workload = arguments.workload();
    let mut spent = Spent::default();
    for rows in workload.batches(arguments.batch) {
        let clock = Clock::start();
        worker.store(&rows)?;
        spent += clock.stop();
    }
    worker.remember(&arguments.folder)?;
    let rows = workload.rows();
    Ok(Reply::default()
        .with("cpu_us", spent.processor_micros_each(rows))
        .with("per_second", spent.each_second(rows)))
}

fn read<S: Store>(arguments: &PhaseArguments) -> Outcome<Reply> {
    let store = S::open(&arguments.folder, arguments.opening())?;
    let mut worker = store.worker(Role::Manager)?;
    let (workload, accounts) = (arguments.workload(), arguments.accounts);
    let reads = (accounts / 5).clamp(200, 20_000);
    // Everything is touched once, so that whatever fits into the cache is in it.
    (0..accounts).try_for_each(|number| worker.read(workload.visible_account(number)).map(|_| ()))?;
    worker.prepare_pages(accounts)?;
    (0..accounts / crm::PAGE_ROWS).try_for_each(|owner| worker.page_by_owner(owner).map(|_| ()))?;
    let single = timed(reads, |number| worker.read(workload.visible_account(number + accounts)))?;
    let pages = (accounts / 250).clamp(50, 400);
    let by_name = timed(pages, |number| worker.page_by_name(number * 37))?;
    let by_owner = timed(pages, |number| worker.page_by_owner(number % VISIBLE_OWNERS))?;
    Ok(Reply::default()
        .with("read_us", single.processor_micros_each(reads))
        .with("name_page_us", by_name.processor_micros_each(pages))
        .with("owner_page_us", by_owner.processor_micros_each(pages)))
}

/// Time for calls that read something.
fn timed(count: usize, mut call: impl FnMut(usize) -> Outcome<usize>) -> Outcome<Spent> {
    let clock = Clock::start();
    let mut bytes = 0;
    for number in 0..count {
        bytes += call(number)?;
    }
    let spent = clock.stop();
    if bytes == 0 { Err("nothing was read".into()) } else { Ok(spent) }
}

fn read_cold<S: Store>(arguments: &PhaseArguments) -> Outcome<Reply> {
    let store = S::open(&arguments.folder, arguments.opening())?;
    let mut worker = store.worker(Role::Manager)?;
    let reads = (arguments.accounts / 500).clamp(50, 200);
    let mut spent = Spent::default();
    for number in 0..reads {
        forget(&arguments.folder)?;
        let account = arguments.workload().visible_account(number * 31);
        spent += timed(1, |_| worker.read(account))?;
    }
    Ok(Reply::default()
        .with("cpu_us", spent.processor_micros_each(reads))
        .with("wall_us", spent.wall_micros_each(reads)))
}

/// Takes all files of a folder out of the system's cache, after what was written has reached the disk.
fn forget(folder: &Path) -> Outcome<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path)?;
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

fn commit<S: Store>(arguments: &PhaseArguments) -> Outcome<Reply> {
    let store = S::open(&arguments.folder, arguments.opening())?;
    let each = (arguments.accounts / 200).clamp(20, 400) / arguments.threads.min(4);
    let each = if arguments.relaxed { each * 5 } else { each };
    let barrier = Barrier::new(arguments.threads + 1);
    let (spent, flushes) = std::thread::scope(|scope| -> Outcome<(Spent, u64)> {
        let workers = (0..arguments.threads).map(|_| store.worker(Role::Administrator));
        let workers = workers.collect::<Outcome<Vec<_>>>()?;
        let start = |(number, mut worker): (usize, _)| {
            let (barrier, workload) = (&barrier, arguments.workload());
            scope.spawn(move || {
                barrier.wait();
                commit_each(&mut worker, workload, number * each, each)
            })
        };
        let threads: Vec<_> = workers.into_iter().enumerate().map(start).collect();
        let before = store.flushes()?;
        barrier.wait();
        let clock = Clock::start();
        for thread in threads {
            thread.join().map_err(|_| "a thread that commits has ended in a panic")??;
        }
        let spent = clock.stop();
        Ok((spent, store.flushes()? - before))
    })?;
    let commits = each * arguments.threads;
    Ok(Reply::default()
        .with("per_second", spent.each_second(commits))
        .with("cpu_us", spent.processor_micros_each(commits))
        .with("flushes", flushes as f64 / commits as f64))
}

/// One new account, then one changed, and so on, each in a commit of its own.
fn commit_each(worker: &mut impl Worker, workload: Workload, first: usize, count: usize) -> Outcome<()> {
    for number in first..first + count {
        if number.is_multiple_of(2) {
            let account = Account { parent: None, ..crm::account(workload.rows() + number) };
            worker.store(&vec![Row::Account(account)])?;
        } else {
            let account = workload.visible_account(number);
            worker.change(account, &crm::phone(number, 99), &crm::note(number + 1_000_000))?;
        }
    }
    Ok(())
}

fn commit_and_wait<S: Store>(arguments: &PhaseArguments) -> Outcome<()> {
    let store = S::open(&arguments.folder, arguments.opening())?;
    let mut worker = store.worker(Role::Administrator)?;
    commit_each(&mut worker, arguments.workload(), 0, (arguments.accounts / 100).clamp(20, 300))?;
    Reply::default().print();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn open<S: Store>(arguments: &PhaseArguments, times: usize) -> Outcome<Reply> {
    let mut millis = Vec::with_capacity(times);
    for _ in 0..times {
        let clock = Clock::start();
        let store = S::open(&arguments.folder, arguments.opening())?;
        millis.push(clock.stop().wall.as_secs_f64() * 1e3);
        drop(store);
    }
    millis.sort_by(f64::total_cmp);
    let median = millis.get(times / 2).copied().ok_or("no open was measured")?;
    Ok(Reply::default().with("open_ms", median))
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1_024).unwrap_or(u32::MAX)) / 1_024.0
}
