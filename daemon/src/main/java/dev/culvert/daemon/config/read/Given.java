// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.Place;

/** A value with the place at which it was given. */
record Given<T>(T value, Place place) {}
