#include "aws/credential_cache.h"

#include <algorithm>
#include <random>
#include <utility>

#include "aws/renewal_schedule.h"
#include "base/cat.h"
#include "base/mutex.h"

namespace nextid::aws {
namespace {

using base::cat;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// How often the wall clock is compared with an expiry: it may jump, which the waits do not see.
constexpr milliseconds kClockInterval(20'000);

double random_share() {
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

bool same_keys(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
         a.session_token == b.session_token;
}

bool has_expired(const Credentials& credentials) {
  return credentials.expires && *credentials.expires <= system_clock::now();
}

std::optional<system_clock::time_point> renewal_time(const Credentials& credentials) {
  if (!credentials.expires) return std::nullopt;
  const auto now = system_clock::now();
  const auto left = std::chrono::duration_cast<milliseconds>(*credentials.expires - now);
  return now + wait_for_renewal(left, random_share());
}

}  // namespace

Result<std::unique_ptr<CredentialCache>> CredentialCache::open(Find find, Warn warn) {
  auto first = find();
  if (first.has_error()) return first.error();
  return std::unique_ptr<CredentialCache>(
      new CredentialCache(std::move(find), std::move(warn), std::move(first.value())));
}

CredentialCache::CredentialCache(Find find, Warn warn, Credentials first)
    : find_(std::move(find)),
      warn_(std::move(warn)),
      current_(std::make_shared<const Credentials>(std::move(first))),
      due_(renewal_time(*current_)),
      not_before_(steady_clock::now() + kLookInterval),
      thread_([this] { run(); }) {}

CredentialCache::~CredentialCache() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::shared_ptr<const Credentials> CredentialCache::current() const {
  const base::Lock lock(mutex_);
  return current_;
}

void CredentialCache::refused(const Credentials& credentials) {
  {
    const base::Lock lock(mutex_);
    if (!same_keys(credentials, *current_)) return;
    refused_ = true;
  }
  changed_.notify_one();
}

std::string CredentialCache::trouble() const {
  const base::Lock lock(mutex_);
  return trouble_;
}

bool CredentialCache::is_due() const { return refused_ || (due_ && *due_ <= system_clock::now()); }

void CredentialCache::run() {
  base::Lock lock(mutex_);
  while (!stopping_) {
    if (!is_due()) {
      auto pause = kClockInterval;
      if (due_) {
        const auto left = std::chrono::ceil<milliseconds>(*due_ - system_clock::now());
        pause = std::clamp(left, milliseconds(1), kClockInterval);
      }
      changed_.wait_for(lock.native(), pause);
    } else if (steady_clock::now() < not_before_) {
      changed_.wait_until(lock.native(), not_before_);
    } else {
      lock.unlock();
      look();
      lock.lock();
    }
  }
}

void CredentialCache::look() {
  auto found = find_();
  std::string line;
  {
    const base::Lock lock(mutex_);
    line = found.has_value() ? renewed(std::move(found.value())) : failed(found.error());
  }
  if (!line.empty() && warn_) warn_(line);
}

std::string CredentialCache::renewed(Credentials found) {
  const bool again = refused_ && same_keys(found, *current_);
  refusals_ = again ? refusals_ + 1 : 0;
  refused_ = false;
  current_ = std::make_shared<const Credentials>(std::move(found));
  due_ = renewal_time(*current_);
  not_before_ = steady_clock::now() + (again ? wait_after_refusal(refusals_) : kLookInterval);
  if (std::exchange(failures_, 0) == 0) return "";
  trouble_.clear();
  return cat("The AWS credentials are renewed again, from ", current_->source, ".");
}

std::string CredentialCache::failed(const Error& error) {
  ++failures_;
  const bool expired = has_expired(*current_);
  const auto wait = wait_after_failure(failures_, expired, random_share());
  due_ = system_clock::now() + wait;
  // Calls that are still refused bring the next look sooner than `wait`, but that backs off as
  // well.
  refused_ = false;
  not_before_ = steady_clock::now() + std::min(wait, wait_after_refusal(failures_));
  trouble_ = error.what();
  if (failures_ > 1) return "";
  return cat("Can't renew the AWS credentials from ", current_->source, ", which ",
             expired ? "have expired" : "stay in use", "; trying again. ", trouble_);
}

}  // namespace nextid::aws
