/*
 * shared.h
 *	  HWR_SHARED marks functions in headers that the CUDA kernels use too.
 */
#ifndef HWR_SHARED_H
#define HWR_SHARED_H

#ifdef __CUDACC__
#define HWR_SHARED static __host__ __device__ __forceinline__
#else
#define HWR_SHARED static inline
#endif

#endif							/* HWR_SHARED_H */
