// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import java.util.List;
import java.util.Map;

/**
 * The outcome of a run of the lab.
 *
 * @param held whether every check held
 * @param figures the measurements, by name
 */
record LabReport(boolean held, List<Check> checks, Map<String, Object> figures) {

  /**
   * A claim and the observation that was made of it.
   *
   * @param held whether it is true
   */
  record Check(String claim, boolean held, String seen) {}

  static LabReport of(List<Check> checks, Map<String, Object> figures) {
    return new LabReport(checks.stream().allMatch(Check::held), List.copyOf(checks), figures);
  }
}
