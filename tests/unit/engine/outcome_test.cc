// Each outcome of each op: what fits goes on, and what no store may answer stops the counter.
#include <string>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using contract::CounterState;
using contract::Found;
using contract::Missing;
using contract::Outcome;
using contract::Refused;
using contract::Remembered;

/// Brings a new engine to where an op of a kind is out.
using Scene = void (*)(EngineDriver&);

void load(EngineDriver& driver) {
  driver.request(1);
  driver.tick();
}
void define(EngineDriver& driver) {
  load(driver);
  driver.answer(Missing{});
}
void reserve(EngineDriver& driver) {
  load(driver);
  driver.load();
}
void advance(EngineDriver& driver) {
  driver.request_advance(100);
  driver.tick();
  driver.load();
}
void give_back(EngineDriver& driver) {
  driver.fill_stock();
  driver.engine().rest(driver.now() + std::chrono::seconds(5));
  driver.tick();
}
void release(EngineDriver& driver) {
  give_back(driver);
  driver.answer(Committed{10});
}

struct Row {
  const char* op;
  Scene scene;
  Outcome outcome;
  const char* stopped;  ///< A part of the sentence; empty where the counter goes on.
};

const CounterState kState{0, {}, 0, {}};
const CounterState kStocked{20, cached(), 0, {}};
constexpr const char* kVanished = "vanished";

const Row kRows[] = {
    {"load", load, Committed{}, "does not fit a load"},
    {"load", load, Refused{kState}, "does not fit a load"},
    {"load", load, Found{kState}, ""},
    {"load", load, Missing{}, ""},
    {"load", load, Remembered{}, "does not fit a load"},
    {"define", define, Committed{}, "does not fit a load"},
    {"define", define, Refused{kState}, "does not fit a load"},
    {"define", define, Found{kState}, ""},
    {"define", define, Missing{}, ""},
    {"define", define, Remembered{}, "does not fit a load"},
    {"reserve", reserve, Committed{1}, ""},
    {"reserve", reserve, Refused{kState}, ""},
    {"reserve", reserve, Found{kState}, "does not fit a reserve"},
    {"reserve", reserve, Missing{}, kVanished},
    {"reserve", reserve, Remembered{}, "does not fit a reserve"},
    {"advance", advance, Committed{50}, ""},
    {"advance", advance, Refused{kState}, ""},
    {"advance", advance, Found{kState}, "does not fit an advance"},
    {"advance", advance, Missing{}, kVanished},
    {"advance", advance, Remembered{}, "does not fit an advance"},
    {"give-back", give_back, Committed{10}, ""},
    {"give-back", give_back, Refused{kStocked}, ""},
    {"give-back", give_back, Found{kStocked}, "does not fit a give-back"},
    {"give-back", give_back, Missing{}, kVanished},
    {"give-back", give_back, Remembered{}, "does not fit a give-back"},
    {"release", release, Committed{10}, ""},
    {"release", release, Refused{kStocked}, ""},
    {"release", release, Found{kStocked}, "does not fit a release"},
    {"release", release, Missing{}, ""},
    {"release", release, Remembered{}, "does not fit a release"},
};

TEST(OutcomeTest, OfEachOp) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.op) + ", outcome " + std::to_string(row.outcome.index()));
    EngineDriver driver;
    row.scene(driver);
    driver.answer(row.outcome);
    const std::string& stopped = driver.engine().stopped();
    EXPECT_EQ(stopped.empty(), *row.stopped == '\0') << stopped;
    EXPECT_NE(stopped.find(row.stopped), std::string::npos) << stopped;
    driver.engine().verify();
  }
}

TEST(OutcomeTest, WithoutAFateLeavesEachOpToBeRepeated) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.op);
    for (const Outcome& outcome :
         {Outcome(contract::InDoubt{"cut off"}), Outcome(contract::NotApplied{"away"})}) {
      EngineDriver driver;
      row.scene(driver);
      const auto kind = driver.attempt.value().op.index();
      driver.answer(outcome);
      driver.tick(std::chrono::seconds(1));
      ASSERT_TRUE(driver.attempt);
      EXPECT_EQ(driver.attempt->op.index(), kind);
    }
  }
}

}  // namespace
}  // namespace nextid::engine
