/*
 * between.h
 *	  A value between two bounds, both included.
 *
 * cmocka's own assertion for that has other names in cmocka 2, which warns of the old one.  Include after cmocka.h.
 */
#ifndef BETWEEN_H
#define BETWEEN_H

#define assert_between(value, least, most) \
	do { \
		double		between_value = (double) (value); \
\
		if (!(between_value >= (double) (least) && between_value <= (double) (most))) \
			fail_msg("%s is %g, not between %g and %g", #value, between_value, (double) (least), (double) (most)); \
	} while (0)

#endif							/* BETWEEN_H */
