//! What the engine promises, sentence by sentence, through its public doors.

#[cfg(test)]
mod access;
#[cfg(test)]
mod assignment;
#[cfg(test)]
mod attached_texts;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod boundaries;
#[cfg(test)]
mod calendar_file;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod deals;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod demo_world;
#[cfg(test)]
mod entity_names;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod evolution;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod expressions;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod field_keys;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod handing_over;
#[cfg(test)]
mod history;
#[cfg(test)]
mod kept_answers;
#[cfg(test)]
mod kept_records;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod leads;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod naughty;
#[cfg(test)]
mod opportunity;
#[cfg(test)]
mod overview;
#[cfg(test)]
mod own_layouts;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod palette;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod pool_covers;
#[cfg(test)]
mod pool_policies;
#[cfg(test)]
mod preferences;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod protection;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod record_types;
#[cfg(test)]
mod relations;
#[cfg(test)]
mod reveal;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rollups;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod salvage;
#[cfg(test)]
mod scores;
#[cfg(test)]
mod search;
#[cfg(test)]
mod search_index;
#[cfg(test)]
mod slow_queries;
#[cfg(test)]
mod states;
#[cfg(test)]
mod time;
#[cfg(test)]
mod translations;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod unique;
#[cfg(test)]
mod value_sets;
#[cfg(test)]
mod views;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod watch;
#[cfg(test)]
#[path = "../support/walk.rs"]
mod way;
#[cfg(test)]
mod without_session;
#[cfg(test)]
mod words;
#[cfg(test)]
mod working_together;
#[cfg(test)]
mod writes;
