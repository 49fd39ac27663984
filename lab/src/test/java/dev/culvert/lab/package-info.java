// SPDX-License-Identifier: Apache-2.0
/** The lab under test, and gateways in the lab's network under test. */
@NullMarked
package dev.culvert.lab;

import org.jspecify.annotations.NullMarked;
