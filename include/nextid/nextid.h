// Everything an embedding program includes. Start reading at id_generator.h.
#pragma once

#include "nextid/accounting.h"
#include "nextid/counter.h"
#include "nextid/cursor.h"
#include "nextid/error.h"
#include "nextid/id_generator.h"
#include "nextid/id_range.h"
#include "nextid/log.h"
#include "nextid/statistics.h"
#include "nextid/store.h"
#include "nextid/version.h"
