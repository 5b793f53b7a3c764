// The subcommands: each adds itself, with its options, to the command line, and runs when chosen.
#pragma once

#include <CLI/App.hpp>

namespace nextid::cli {

/// Set by the subcommand that ran.
struct Outcome {
  int exit_code = 0;
};

/// `nextid serve`
void add_serve(CLI::App& app, Outcome& outcome);
/// `nextid next` and `nextid range`
void add_allocate(CLI::App& app, Outcome& outcome);
/// `nextid define`, `nextid advance` and `nextid delete`
void add_define(CLI::App& app, Outcome& outcome);
void add_advance(CLI::App& app, Outcome& outcome);
void add_delete(CLI::App& app, Outcome& outcome);
/// `nextid bench`
void add_bench(CLI::App& app, Outcome& outcome);
/// `nextid counters`
void add_counters(CLI::App& app, Outcome& outcome);
/// `nextid backup`, `nextid restore` and `nextid recover`
void add_backup(CLI::App& app, Outcome& outcome);
void add_restore(CLI::App& app, Outcome& outcome);
void add_recover(CLI::App& app, Outcome& outcome);
/// `nextid copy`
void add_copy(CLI::App& app, Outcome& outcome);
/// `nextid schema`
void add_schema(CLI::App& app, Outcome& outcome);
/// `nextid doctor`
void add_doctor(CLI::App& app, Outcome& outcome);
/// `nextid probe`
void add_probe(CLI::App& app, Outcome& outcome);
/// `nextid token`
void add_token(CLI::App& app, Outcome& outcome);
/// `nextid manual`. After all others, which it tells of.
void add_manual(CLI::App& app, Outcome& outcome);

}  // namespace nextid::cli
