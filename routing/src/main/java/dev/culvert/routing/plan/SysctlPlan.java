// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

/**
 * A kernel setting.
 *
 * @param key its path under {@code /proc/sys}, with slashes, since device names may hold dots
 */
public record SysctlPlan(String key, String value) {}
