// `nextid bench`: a load on a server or a store, and whether every id was new.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "base/stray_text.h"
#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"
#include "loadtool/id_source.h"
#include "loadtool/load.h"
#include "net/address.h"
#include "server/environment.h"

namespace nextid::cli {
namespace {

using base::cat;

struct Request {
  /// A server's address, and what it speaks there.
  std::string address = "127.0.0.1:8000";
  const loadtool::Protocol* protocol = &loadtool::protocols().front();
  bool in_process = false;
  server::ConfigSources sources;
  std::string counter = "bench";
  std::size_t clients = 32;
  std::size_t pipeline = 1;
  double seconds = 10;
  std::uint64_t requests = 10'000'000;
};

using Sources = std::vector<std::unique_ptr<loadtool::IdSource>>;

/// "" for none. No message shows it.
Result<std::string> token_of(const server::Environment& environment) {
  const std::string name(server::kTokenEnvironmentName);
  const auto found = environment.find(name);
  if (found == environment.end()) return std::string();
  if (const auto stray = base::stray_character(found->second)) {
    return Error(ErrorCode::kInvalid, cat(name, ": ", *stray, "."));
  }
  return found->second;
}

Result<Sources> connect(const Request& request) {
  const auto address = net::parse_host_port(request.address);
  if (!address) {
    return Error(ErrorCode::kInvalid,
                 cat("The address is '", request.address, "': ", address.error().what(), "."));
  }
  const auto token = token_of(request.sources.environment);
  if (!token) return token.error();
  const loadtool::Target target{*address, request.counter, *token};
  Sources sources;
  for (std::size_t i = 0; i < request.clients; ++i) {
    auto source = request.protocol->connect(target);
    if (!source) return source.error();
    sources.push_back(*std::move(source));
  }
  return sources;
}

/// A live line on a terminal; none where the output is kept.
void show(const loadtool::Progress& progress) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%4.0f s  %llu ids, %.0f/s, %llu failures  ", progress.elapsed.count(),
               static_cast<unsigned long long>(progress.ids),
               static_cast<double>(progress.ids) / progress.elapsed.count(),
               static_cast<unsigned long long>(progress.failures));
}

std::string describe(const loadtool::Outcome& outcome) {
  char figures[512];
  std::snprintf(figures, sizeof figures,
                "%llu ids in %.2f s: %.0f ids/s, %llu failures\n"
                "latency in us: p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, largest %.0f\n",
                static_cast<unsigned long long>(outcome.ids), outcome.elapsed.count(),
                static_cast<double>(outcome.ids) / outcome.elapsed.count(),
                static_cast<unsigned long long>(outcome.failures), outcome.percentile_us(0.5),
                outcome.percentile_us(0.9), outcome.percentile_us(0.99),
                outcome.percentile_us(0.999), outcome.percentile_us(1));
  std::string text = figures;
  if (!outcome.first_failure.empty()) {
    text += cat("the first failure: ", outcome.first_failure, "\n");
  }
  if (outcome.duplicate) {
    text += cat("WRONG: the id ", *outcome.duplicate, " came twice\n");
  } else if (outcome.out_of_order) {
    text += cat("WRONG: a client got the id ", *outcome.out_of_order,
                " after one that is not below it\n");
  } else if (outcome.ids > 0) {
    text += "every id came once, and each client's grew\n";
  }
  return text;
}

int bench(const Request& request) {
  const auto known = server::check_environment(request.sources.environment);
  if (!known) return report(known.error());
  std::optional<Store> store;
  Sources sources;
  if (request.in_process) {
    auto opened = open_chosen_store(request.sources);
    if (!opened) return report(opened.error());
    store = *std::move(opened);
    for (std::size_t i = 0; i < request.clients; ++i) {
      sources.push_back(loadtool::use_store(*store, request.counter));
    }
  } else {
    auto connected = connect(request);
    if (!connected) return report(connected.error());
    sources = *std::move(connected);
  }
  const loadtool::Plan plan{
      .pipeline = request.pipeline,
      .duration = std::chrono::milliseconds(static_cast<long>(request.seconds * 1000)),
      .requests = request.requests};
  const auto outcome = loadtool::run_load(plan, std::move(sources), show);
  if (::isatty(STDERR_FILENO) != 0) std::fputs("\r\x1b[K", stderr);
  if (!write_output(describe(outcome))) return kFailure;
  if (!outcome.right()) return kCorrupt;
  return outcome.ids > 0 ? kOk : kUnavailable;
}

/// A server by one of its addresses, or the library in this process: one of them.
void add_target_options(CLI::App& command, Request& request) {
  auto* in_process = command.add_flag("--in-process", request.in_process,
                                      "No server: the library, on --store, instead");
  std::vector<CLI::Option*> others{in_process};
  for (const loadtool::Protocol& protocol : loadtool::protocols()) {
    const bool is_default = &protocol == request.protocol;
    const auto set = [&request, &protocol](const std::string& address) {
      request.address = address;
      request.protocol = &protocol;
    };
    auto* option = command
                       .add_option_function<std::string>(
                           cat("--", protocol.name), set,
                           cat("A server's ", protocol.title, " address",
                               is_default ? cat(" [", request.address, "]") : ", instead"))
                       ->type_name("HOST:PORT");
    for (CLI::Option* other : others) option->excludes(other);
    others.push_back(option);
  }
}

void add_seconds(CLI::App& command, Request& request) {
  const auto take = [&request](const std::string& text) {
    constexpr double kLeast = 0.01;
    constexpr double kMost = 86'400;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, request.seconds);
    if (parsed.ec == std::errc() && parsed.ptr == end && request.seconds >= kLeast &&
        request.seconds <= kMost) {
      return;
    }
    refuse_value("--seconds", text, "it must be a number of seconds from 0.01 to 86400");
  };
  command.add_option_function<std::string>("--seconds", take, "How long at most [10]")
      ->type_name("N");
}

}  // namespace

void add_bench(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command =
      app.add_subcommand("bench", "Load a server or a store, and check that every id is new");
  add_target_options(*command, *request);
  add_store_options(*command, request->sources);
  add_name(*command, "--counter", request->counter,
           "The counter to take ids from; these ids are spent");
  const auto add = [&](const char* option, std::uint64_t most, auto& field, const char* help) {
    const auto take = [&field](std::uint64_t number) {
      field = static_cast<std::remove_reference_t<decltype(field)>>(number);
    };
    add_number(*command, option, {1, most}, take, cat(help, " [", field, "]"));
  };
  add("--clients", 1000, request->clients, "Connections, or threads");
  add("--pipeline", 1000, request->pipeline, "Requests of a client at a time");
  add_seconds(*command, *request);
  add("--requests", 1'000'000'000, request->requests, "How many at most; each takes 12 bytes here");
  command->footer(
      "A token for the server is read from NEXTID_TOKEN. The ids are real: use a counter of its "
      "own.\n"
      "Exits 5 when an id came twice, or one client's did not grow.\n"
      "Examples:\n"
      "  nextid bench --clients 64 --seconds 5\n"
      "  nextid bench --resp 127.0.0.1:6380 --pipeline 16\n"
      "  nextid bench --in-process --store sqlite:bench.db");
  command->callback([request, &outcome] { outcome.exit_code = bench(*request); });
}

}  // namespace nextid::cli
