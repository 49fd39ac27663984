// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * The last process that a gateway started to take it over.
 *
 * @param process its id
 * @param failure why it did not take over; null as long as it still may
 * @param exitCode the status with which it ended; null if that is not known
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record UpgradeView(long process, @Nullable String failure, @Nullable Integer exitCode) {}
