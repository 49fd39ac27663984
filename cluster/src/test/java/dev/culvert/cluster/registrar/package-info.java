// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.culvert.cluster.registrar;

import org.jspecify.annotations.NullMarked;
