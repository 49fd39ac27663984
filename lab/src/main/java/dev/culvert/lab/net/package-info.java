// SPDX-License-Identifier: Apache-2.0
/** Network namespaces, processes, traffic and captures, for the lab and for integration tests. */
@NullMarked
package dev.culvert.lab.net;

import org.jspecify.annotations.NullMarked;
