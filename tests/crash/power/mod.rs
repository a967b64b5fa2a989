//! Power cuts, failing calls and missing memory in operations of a whole database: a process does the
//! operation while what it does to its files is recorded or made to fail, and whatever is left is opened,
//! verified and compared. Recording and replaying is the way of CrashMonkey (Mohan et al., OSDI 2018) and
//! ALICE (Pillai et al., OSDI 2014).

mod cuts;
pub mod disk;
mod failing;
pub mod house;
mod memory;
mod operations;
pub mod recording;
mod retaining;
mod together;

use cuts::{cut_off, points, survives};

macro_rules! survives {
    ($($test:ident: $operation:ident,)*) => {
        $(#[test]
        fn $test() {
            survives(&operations::$operation);
        })*
    };
}

survives! {
    a_power_cut_leaves_a_new_database_whole_or_absent: CREATE,
    a_power_cut_takes_no_commit_that_was_acknowledged: WRITE,
    a_power_cut_takes_no_relaxed_commit_that_was_flushed: WRITE_RELAXED,
    a_power_cut_leaves_a_backup_whole_or_absent_and_the_others_as_they_were: BACKUP,
    a_power_cut_leaves_an_increment_whole_or_absent: INCREMENT,
    a_power_cut_leaves_a_backup_of_keys_whole_or_absent: KEYS_BACKUP,
    a_power_cut_leaves_a_restored_database_whole_or_absent: RESTORE,
    a_power_cut_leaves_the_old_database_or_the_restored_one_in_its_place: RESTORE_OVER,
    a_power_cut_while_a_database_is_compacted_changes_nothing_in_it: COMPACT,
    a_power_cut_leaves_everything_under_the_old_data_key_or_under_the_new_one: REKEY,
    a_power_cut_leaves_the_keys_before_or_after_a_change: KEY_SLOTS,
    a_power_cut_leaves_an_older_format_to_be_upgraded_and_its_copy_as_it_was: UPGRADE,
    a_power_cut_in_a_recovery_is_recovered_from: RECOVER,
    a_power_cut_in_the_build_of_an_index_a_unique_rule_and_a_rollup_is_gone_on_from: INDEX,
    a_power_cut_among_random_writes_leaves_counters_rollups_and_indexes_as_the_records_say: FIGURES,
    a_power_cut_in_a_run_of_retention_leaves_nobody_half_erased_and_is_gone_on_from: RETAIN,
    a_power_cut_takes_no_commit_beside_a_backup: BACKUP_BESIDE,
    a_power_cut_takes_no_commit_beside_a_compaction: COMPACT_BESIDE,
    a_power_cut_takes_no_commit_beside_a_change_of_the_data_key: REKEY_BESIDE,
}

#[test]
fn a_disk_that_ignores_syncs_loses_what_was_told_so_the_cuts_can_tell() {
    for operation in [&operations::WRITE, &operations::BACKUP, &operations::RESTORE, &operations::REKEY] {
        let Some(tally) = cut_off(operation, points().min(80), false) else { return };
        assert!(!tally.failures.is_empty(), "{}: nothing was lost", operation.words);
    }
}

macro_rules! fails_well {
    ($($test:ident: $operation:ident,)*) => {
        $(#[test]
        fn $test() {
            failing::sweep(&operations::$operation);
        })*
    };
}

fails_well! {
    calls_that_fail_leave_a_new_database_whole_or_absent: CREATE,
    calls_that_fail_take_no_commit_that_was_acknowledged: WRITE,
    calls_that_fail_take_no_relaxed_commit_that_was_acknowledged: WRITE_RELAXED,
    calls_that_fail_leave_a_backup_whole_or_absent: BACKUP,
    calls_that_fail_leave_an_increment_whole_or_absent: INCREMENT,
    calls_that_fail_leave_a_restored_database_whole_or_absent: RESTORE,
    calls_that_fail_leave_the_old_database_or_the_restored_one: RESTORE_OVER,
    calls_that_fail_while_a_database_is_compacted_change_nothing_in_it: COMPACT,
    calls_that_fail_leave_everything_under_one_data_key: REKEY,
    calls_that_fail_leave_the_keys_before_or_after_a_change: KEY_SLOTS,
    calls_that_fail_leave_an_older_format_to_be_upgraded: UPGRADE,
    calls_that_fail_in_a_recovery_leave_it_to_the_next_one: RECOVER,
    calls_that_fail_in_a_build_leave_it_to_be_gone_on_with: INDEX,
    calls_that_fail_in_a_run_of_retention_leave_nobody_half_erased: RETAIN,
}

#[test]
fn writes_and_reads_that_do_only_a_part_are_gone_on_with() {
    operations::ALL.into_iter().for_each(failing::bears_short_calls);
}

#[test]
fn a_load_a_backup_and_a_restore_without_enough_memory_lose_nothing() {
    for operation in [&operations::WRITE, &operations::BACKUP, &operations::RESTORE] {
        memory::starve(operation);
    }
}
