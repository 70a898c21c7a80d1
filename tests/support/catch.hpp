// Catch2, whichever version the system has.
#pragma once
#ifdef WIRE_CATCH2_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
