// SPDX-License-Identifier: Apache-2.0
/**
 * SAs that an administrator configures by hand, for foreign peers without IKE (RFC 4301 section
 * 4.5.1). Their sequence numbers must outlive the process, which {@link
 * dev.culvert.tunnel.esp.manual.SequenceStore} requires of its implementation.
 */
@NullMarked
package dev.culvert.tunnel.esp.manual;

import org.jspecify.annotations.NullMarked;
