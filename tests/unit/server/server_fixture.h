// A server in the test's process, on a free port and an SQLite file of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "server/server.h"
#include "unit/node/scratch_dir.h"
#include "unit/server/http_client.h"

namespace nextid::testing {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    config_.store = directory_.sqlite_url();
    config_.http = {.host = "127.0.0.1", .port = 0};
    config_.resp = net::HostPort{.host = "127.0.0.1", .port = 0};
    config_.log_level = LogLevel::kError;
  }

  /// With config_ as the test set it.
  void start() {
    auto server = server::Server::start(config_);
    ASSERT_TRUE(server) << server.error().what();
    server_ = *std::move(server);
  }

  HttpClient connect() { return HttpClient(server_->port("http")); }

  Accounting stop() { return server_->stop(std::chrono::seconds(10)); }

  /// The counter's value in the file, once the server has stopped.
  std::uint64_t stored_value(std::string_view counter = kDefaultCounter) {
    const auto store = open_store(config_.store);
    const auto info = store->counter(counter);
    return info ? info->value.value_or(0) : 0;
  }

  /// Polls until `done`, at most a minute.
  static bool eventually(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  ScratchDir directory_;
  server::Config config_;
  std::unique_ptr<server::Server> server_;
};

}  // namespace nextid::testing
