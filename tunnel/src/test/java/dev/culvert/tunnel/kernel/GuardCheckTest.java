// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.plan.GuardText;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The check finds that nftables refuses a rule of the guard, or takes it and never applies it. */
@Tag("integration")
class GuardCheckTest {
  private static final String GUARD = GuardText.of(Plans.guard(List.of(), List.of()));

  @Test
  void thisMachineCanHaveTheGuard() {
    assertEquals(Optional.empty(), GuardCheck.fault());
  }

  @Test
  void whatNftRefusesIsToldWithWhatToDo() {
    String fault =
        GuardCheck.fault(GUARD + "add rule inet culvert egress meta nonsense\n", "").orElse("");
    assertTrue(fault.contains("nonsense") && fault.contains("Linux 5.4"), fault);
  }

  /** As with a kernel that takes the rule and never applies it. */
  @Test
  void aRuleThatIsTakenAndDoesNothingIsFound() {
    String deaf =
        """
        table inet culvert_probe {
          counter made_here { }
          chain out {
            type filter hook postrouting priority 0;
            meta iif 77 counter name made_here
          }
        }
        """;
    String fault = GuardCheck.fault(GUARD, deaf).orElse("");
    assertTrue(fault.startsWith("this kernel's nftables does not tell this host's own"), fault);
  }
}
