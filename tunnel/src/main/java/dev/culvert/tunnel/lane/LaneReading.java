// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

/**
 * A lane's thread, seen from outside.
 *
 * @param lane its number, from 0
 * @param silentNanos nanoseconds for which it has not answered; 0 if it has
 * @param cpuNanos processor time that it has used since its start; -1 before its first answer, or
 *     if the JVM does not measure it
 */
public record LaneReading(int lane, long silentNanos, long cpuNanos) {}
