/** What the kernel should hold so that it steers and guards as the policy asks. Pure values. */
@NullMarked
package dev.culvert.routing.plan;

import org.jspecify.annotations.NullMarked;
