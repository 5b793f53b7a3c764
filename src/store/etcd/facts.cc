#include "store/etcd/facts.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "base/cat.h"
#include "http_client/service_words.h"
#include "store/etcd/txn.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;

constexpr std::int64_t kMegabyte = 1'000'000;
/// A part of the quota, in percent, from which on space runs short.
constexpr std::int64_t kMuchOfQuota = 80;
constexpr EtcdRevision kManyRevisions = 100'000;

constexpr const char* kFreeSpace =
    "compact it, defragment each member, then run etcdctl alarm disarm (docs/etcd.md)";

// --- What etcd answers

std::string text_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

bool is_set(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

template <typename Take>
void for_each_object(const json::object& answer, const char* name, Take take) {
  const json::value* list = answer.if_contains(name);
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& value : list->get_array()) {
    if (const json::object* object = value.if_object()) take(*object);
  }
}

void take_status(const json::object& answer, EtcdLook& look) {
  look.version = http_client::service_words(text_of(answer, "version"));
  look.leader = etcd_id(answer, "leader");
  look.size_bytes = etcd_integer(answer, "dbSize");
  look.in_use_bytes = etcd_integer(answer, "dbSizeInUse");
  const json::value* header = answer.if_contains("header");
  if (header != nullptr && header->is_object()) {
    look.revision = etcd_integer(header->get_object(), "revision");
  }
}

void take_alarms(const json::object& answer, EtcdLook& look) {
  for_each_object(answer, "alarms", [&](const json::object& alarm) {
    look.alarms.push_back(http_client::service_words(text_of(alarm, "alarm")));
  });
}

void take_members(const json::object& answer, EtcdLook& look) {
  for_each_object(answer, "members", [&](const json::object& member) {
    if (!is_set(member, "isLearner")) ++look.members;
  });
}

/// The value of a metric without labels, in Prometheus' text.
std::optional<std::int64_t> metric_of(std::string_view page, std::string_view name) {
  const std::string line = cat("\n", name, " ");
  const std::size_t found = page.find(line);
  if (found == std::string_view::npos) return std::nullopt;
  const std::string digits(page.substr(found + line.size(), 40));
  const double value = std::strtod(digits.c_str(), nullptr);
  if (!std::isfinite(value) || std::abs(value) > 9e18) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

void take_metrics(const std::string& page, EtcdLook& look) {
  look.quota_bytes = metric_of(page, "etcd_server_quota_backend_bytes");
  look.compacted_at = metric_of(page, "etcd_debugging_mvcc_compact_revision");
}

void take_variables(const std::string& page, EtcdLook& look) {
  boost::system::error_code error;
  const json::value value = json::parse(page, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* words = object != nullptr ? object->if_contains("cmdline") : nullptr;
  if (words == nullptr || !words->is_array()) return;
  for (const json::value& word : words->get_array()) {
    if (word.is_string()) look.command_line.append(" ").append(std::string(word.get_string()));
  }
}

// --- What it means

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
};

Version version_of(std::string_view text) {
  Version version;
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *part);
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    if (text.starts_with('.')) text.remove_prefix(1);
  }
  return version;
}

bool has_alarm(const EtcdLook& look, std::string_view name) {
  for (const std::string& alarm : look.alarms) {
    if (alarm == name) return true;
  }
  return false;
}

HealthFact fact_of_cluster(const EtcdLook& look) {
  HealthFact fact{.subject = "etcd", .sentence = {}};
  fact.sentence = cat("etcd ", look.version, " with ", look.members,
                      look.members == 1 ? " member" : " members", " answers.");
  if (look.leader == 0) {
    fact.verdict = HealthVerdict::kFail;
    fact.sentence =
        "The cluster of etcd has no leader: most members must run and reach each other.";
  } else if (has_alarm(look, "CORRUPT")) {
    fact.verdict = HealthVerdict::kFail;
    fact.sentence =
        "etcd has the alarm CORRUPT: members disagree about the data; find the one that is wrong, "
        "replace it, and see what ids were given since (docs/etcd.md).";
  } else if (look.members == 2) {
    fact.verdict = HealthVerdict::kWarn;
    fact.sentence += " With two, etcd stops when either does: use one, three or five.";
  }
  return fact;
}

HealthFact fact_of_space(const EtcdLook& look) {
  HealthFact fact{.subject = "etcd space", .sentence = {}};
  fact.figures = {{"etcd_db_size_bytes", "Size of etcd's database, which its quota limits.",
                   static_cast<double>(look.size_bytes)},
                  {"etcd_db_in_use_bytes", "The part of etcd's database that is in use.",
                   static_cast<double>(look.in_use_bytes)}};
  fact.sentence = cat("The database of etcd has ", look.size_bytes / kMegabyte, " MB");
  std::int64_t percent = 0;
  if (look.quota_bytes && *look.quota_bytes > 0) {
    fact.figures.push_back({"etcd_quota_bytes", "The size at which etcd takes no more writes.",
                            static_cast<double>(*look.quota_bytes)});
    fact.sentence += cat(" of the ", *look.quota_bytes / kMegabyte, " MB that its quota allows");
    percent = look.size_bytes * 100 / *look.quota_bytes;
  }
  if (has_alarm(look, "NOSPACE")) {
    fact.verdict = HealthVerdict::kFail;
    fact.sentence += cat(", and etcd has the alarm NOSPACE: it takes no writes; ", kFreeSpace);
  } else if (percent >= kMuchOfQuota) {
    fact.verdict = HealthVerdict::kWarn;
    fact.sentence += cat(", at which it takes no more writes; ", kFreeSpace);
  }
  fact.sentence += ".";
  return fact;
}

HealthFact fact_of_compaction(const EtcdLook& look) {
  HealthFact fact{.subject = "etcd compaction", .sentence = {}};
  fact.figures = {{"etcd_revision", "The revision of etcd's data: one more with each write.",
                   static_cast<double>(look.revision)}};
  const bool is_asked_for =
      look.command_line.find("auto-compaction-retention") != std::string::npos ||
      look.command_line.find("--config-file") != std::string::npos;
  if (*look.compacted_at > 0) {
    fact.figures.push_back({"etcd_compacted_revision",
                            "The revision up to which etcd's history was removed.",
                            static_cast<double>(*look.compacted_at)});
    fact.sentence = cat("etcd keeps its last ", look.revision - *look.compacted_at, " revisions.");
  } else if (is_asked_for && look.revision < kManyRevisions) {
    fact.sentence = cat("etcd is told to compact itself, and has ", look.revision, " revisions.");
  } else {
    fact.verdict = HealthVerdict::kWarn;
    fact.sentence = cat(
        "etcd keeps all its ", look.revision,
        " revisions, of which each write is one, until its quota is full and it takes no more "
        "writes; start it with --auto-compaction-mode=periodic --auto-compaction-retention=1h.");
  }
  return fact;
}

}  // namespace

std::optional<std::string> problem_with_etcd(const std::string& text) {
  const Version version = version_of(text);
  if (version.major < 3 || (version.major == 3 && version.minor < 4)) {
    return cat("etcd ", text, " is too old: use 3.4 or newer");
  }
  if (version.major == 3 && version.minor == 5 && version.patch < 3) {
    return cat("etcd ", text,
               " loses acknowledged writes when a member is killed: use 3.5.3 or newer");
  }
  return std::nullopt;
}

std::vector<HealthFact> facts_of(const EtcdLook& look) {
  if (look.version.empty()) {
    return {{.subject = "etcd",
             .verdict = HealthVerdict::kFail,
             .sentence = "etcd does not tell its status: see whether it runs and is reached."}};
  }
  std::vector<HealthFact> facts{fact_of_cluster(look), fact_of_space(look)};
  if (look.compacted_at) facts.push_back(fact_of_compaction(look));
  if (look.command_line.find("unsafe-no-fsync") != std::string::npos) {
    facts.push_back({.subject = "etcd durability",
                     .verdict = HealthVerdict::kWarn,
                     .sentence = "etcd runs with --unsafe-no-fsync: a crash takes back ids that "
                                 "were given; start it without, except for tests."});
  }
  return facts;
}

std::string warning_of(const std::vector<HealthFact>& facts) {
  std::string text;
  for (const HealthFact& fact : facts) {
    if (fact.verdict != HealthVerdict::kOk)
      text.append(text.empty() ? "" : " ").append(fact.sentence);
  }
  return text;
}

/// The answers of one look, as they come.
struct EtcdFacts::Gathering {
  base::Mutex mutex;
  EtcdLook look NEXTID_GUARDED_BY(mutex);
  int awaited NEXTID_GUARDED_BY(mutex) = 0;
  std::function<void(EtcdLook)> done;

  /// Of one answer; calls `done` after the last.
  template <typename Take>
  void take(Take take_answer) {
    base::Lock lock(mutex);
    take_answer(look);
    if (--awaited > 0) return;
    EtcdLook whole = std::move(look);
    lock.unlock();
    done(std::move(whole));
  }
};

void EtcdFacts::look(std::function<void(EtcdLook)> done) {
  struct Asked {
    const char* path;
    const char* body;
    void (*take)(const json::object&, EtcdLook&);
  };
  static constexpr Asked kAsked[] = {
      {"/v3/maintenance/status", "{}", &take_status},
      {"/v3/maintenance/alarm", R"({"action":"GET"})", &take_alarms},
      {"/v3/cluster/member/list", "{}", &take_members},
  };
  struct Page {
    const char* path;
    void (*take)(const std::string&, EtcdLook&);
  };
  static constexpr Page kPages[] = {{"/metrics", &take_metrics}, {"/debug/vars", &take_variables}};
  const auto all = std::make_shared<Gathering>();
  all->done = std::move(done);
  {
    const base::Lock lock(all->mutex);
    all->awaited = static_cast<int>(std::size(kAsked) + std::size(kPages));
  }
  for (const Asked& asked : kAsked) {
    client_->call({.path = asked.path,
                   .body = asked.body,
                   .effect = EtcdRequest::Effect::kLocal,
                   .limit = 2 * client_->settings().attempt_timeout},
                  [all, take = asked.take](const EtcdReply& reply) {
                    all->take([&](EtcdLook& look) {
                      if (reply.kind == EtcdReply::Kind::kDone) take(reply.body, look);
                    });
                  });
  }
  for (const Page& page : kPages) {
    client_->get(page.path, [all, take = page.take](const http_client::Answer& answer) {
      all->take([&](EtcdLook& look) {
        if (answer.failure.empty() && answer.status == 200) take(answer.body, look);
      });
    });
  }
}

void EtcdFacts::watch(std::function<void(EtcdLook)> done) {
  look([self = shared_from_this(), done = std::move(done)](EtcdLook look) {
    self->keep(look);
    done(std::move(look));
    self->look_in(kQuiet);
  });
}

void EtcdFacts::look_in(std::chrono::seconds time) {
  // The timer must not keep the client, whose thread it is on.
  static_cast<void>(client_->after(time, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stopped_) return;
    self->look([self](const EtcdLook& look) {
      if (self->stopped_) return;
      self->keep(look);
      self->tell();
      self->look_in(kInterval);
    });
  }));
}

void EtcdFacts::keep(const EtcdLook& look) {
  const base::Lock lock(mutex_);
  facts_ = facts_of(look);
}

void EtcdFacts::tell() {
  std::string warning;
  {
    const base::Lock lock(mutex_);
    warning = warning_of(facts_);
    if (warning == told_) return;
    told_ = warning;
  }
  if (!warning.empty()) warn_(warning);
}

std::vector<HealthFact> EtcdFacts::facts() const {
  const base::Lock lock(mutex_);
  return facts_;
}

}  // namespace nextid::store
